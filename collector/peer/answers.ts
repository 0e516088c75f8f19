/**
 * What a peer's message calls for from somebody who only listens.
 *
 * @module
 */
import { HASH_BYTES } from "../../shared/bolt/codec.ts";
import { encodeMessage } from "../../shared/bolt/message.ts";

/** From this `num_pong_bytes` on no pong is owed (BOLT 1). */
const NO_PONG_FROM = 65_532;

const OPEN_CHANNEL = 32;
const OPEN_CHANNEL_2 = 64;
/** Both begin with type and chain_hash; then comes the temporary channel id (BOLT 2). */
const TEMPORARY_ID_AT = 2 + HASH_BYTES;

const NO_CHANNELS = new TextEncoder().encode("no channels here: this node only listens to gossip");

/** The pong that a ping asks for, or null when it asks for none. */
export function pongFor(numPongBytes: number): Uint8Array | null {
  if (numPongBytes >= NO_PONG_FROM) return null;
  return encodeMessage({ type: 19, ignored: new Uint8Array(numPongBytes) });
}

/**
 * The reply that a channel open is owed; null for any other message. BOLT 1: an error that names the channel; an
 * all-zero id would end the connection.
 */
export function answerToOpen(type: number, raw: Uint8Array): Uint8Array | null {
  if (type !== OPEN_CHANNEL && type !== OPEN_CHANNEL_2) return null;
  const channelId = raw.subarray(TEMPORARY_ID_AT, TEMPORARY_ID_AT + HASH_BYTES);
  if (channelId.length < HASH_BYTES || channelId.every((byte) => byte === 0)) return null;
  return encodeMessage({ type: 17, channelId, data: NO_CHANNELS });
}
