import { printable } from "../../shared/text.ts";
import { chainHash, type Network } from "../../shared/bolt/chains.ts";
import type { Init } from "../../shared/bolt/init.ts";
import { decodeMessage, encodeMessage, type Message } from "../../shared/bolt/message.ts";
import { messageName } from "../../shared/bolt/message_types.ts";
import { errorText } from "../../shared/errors.ts";

/** In characters; only as many bytes as these can take are decoded. */
const MAX_CHARACTERS = 200;
const MAX_BYTES = 4 * MAX_CHARACTERS;

/** A peer's bytes as quoted text, fit for a log line and an event. */
export function quoted(data: Uint8Array): string {
  return `"${printable(new TextDecoder().decode(data.subarray(0, MAX_BYTES)), MAX_CHARACTERS)}"`;
}

/**
 * Bits 1, 7, 9, 11, 13, 15 and 45: what LDK and Eclair demand, and bit 7, without which LND sends no gossip and
 * ignores our filter. All odd: we demand nothing.
 */
const OUR_FEATURES = Uint8Array.fromHex("20000000aa82");

/** Our init on a network. */
export function ourInit(network: Network): Uint8Array {
  return encodeMessage({ type: 16, features: OUR_FEATURES, networks: [chainHash(network)] });
}

/** The peer's init, or why the connection must end. */
export function readInit(raw: Uint8Array, network: Network): Init | string {
  let message: Message;
  try {
    message = decodeMessage(raw);
  } catch (error) {
    return `its first message does not decode: ${errorText(error)}`;
  }
  if (message.known && (message.type === 1 || message.type === 17)) {
    return `it said ${quoted(message.data)} in place of init`;
  }
  if (!message.known || message.type !== 16) {
    return `its first message was ${messageName(message.type)}, not init`;
  }
  return initObjection(message, network) ?? message;
}

/**
 * Null when it may stay. BOLT 1 also closes on unknown compulsory features and on those without the one that they need:
 * they matter to channels and payments, and a listener has neither.
 */
function initObjection({ networks }: Init, network: Network): string | null {
  const ours = chainHash(network).toHex();
  if (!networks || networks.some((hash) => hash.toHex() === ours)) return null;
  return `it is not on the network ${network}`;
}
