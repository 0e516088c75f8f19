// What the archive keeps of a message beside its bytes.

import { createHash } from "node:crypto";
import { CHANNEL_ANNOUNCEMENT_SIGNED_AT } from "./channel_announcement.ts";
import { CHANNEL_UPDATE_SIGNED_AT, CHANNEL_UPDATE_TIMESTAMP_AT } from "./channel_update.ts";
import { BoltFault } from "./fault.ts";
import { decodeMessage, type Message } from "./message.ts";
import { NODE_ANNOUNCEMENT_SIGNED_AT } from "./node_announcement.ts";

/** Facts of one message; null where its type has no such fact or its bytes do not decode. */
export interface GossipFacts {
  /** The message type; -1 when it is shorter than a type. */
  readonly type: number;
  readonly size: number;
  /** Signed 64-bit as the archive has it; of channel_announcement and channel_update. */
  readonly scid: bigint | null;
  /** Of channel_update: 0 when node 1 signs, 1 when node 2 does. */
  readonly direction: 0 | 1 | null;
  /** The node that a node_announcement is about: 33 bytes, lower-case hex. */
  readonly nodeId: string | null;
  /** The message's own timestamp, in seconds since the Unix epoch; of node_announcement and channel_update. */
  readonly ownTimestamp: number | null;
  /** First {@link INNER_ID_BYTES} bytes of the SHA-256 of type and signed part without the timestamp. */
  readonly innerId: Uint8Array | null;
}

/** Bytes of an inner id. */
export const INNER_ID_BYTES = 16;

/** The facts of any bytes; never throws. */
export function gossipFacts(raw: Uint8Array): GossipFacts {
  const facts: GossipFacts = {
    type: raw.length < 2 ? -1 : raw[0] << 8 | raw[1],
    size: raw.length,
    scid: null,
    direction: null,
    nodeId: null,
    ownTimestamp: null,
    innerId: null,
  };
  let message: Message;
  try {
    message = decodeMessage(raw);
  } catch (error) {
    if (error instanceof BoltFault) return facts;
    throw error;
  }
  if (!message.known) return facts;
  switch (message.type) {
    case 256:
      return {
        ...facts,
        scid: BigInt.asIntN(64, message.scid),
        innerId: innerId(raw, CHANNEL_ANNOUNCEMENT_SIGNED_AT),
      };
    case 257:
      return {
        ...facts,
        nodeId: message.nodeId.toHex(),
        ownTimestamp: message.timestamp,
        innerId: innerId(
          raw,
          NODE_ANNOUNCEMENT_SIGNED_AT,
          NODE_ANNOUNCEMENT_SIGNED_AT + 2 + message.features.length,
        ),
      };
    case 258:
      return {
        ...facts,
        scid: BigInt.asIntN(64, message.scid),
        direction: (message.channelFlags & 1) as 0 | 1,
        ownTimestamp: message.timestamp,
        innerId: innerId(raw, CHANNEL_UPDATE_SIGNED_AT, CHANNEL_UPDATE_TIMESTAMP_AT),
      };
    default:
      return facts;
  }
}

/** Hashes type and signed part, around the four bytes of the timestamp where there is one. */
function innerId(raw: Uint8Array, signedAt: number, timestampAt?: number): Uint8Array {
  const hash = createHash("sha256").update(raw.subarray(0, 2));
  if (timestampAt === undefined) {
    hash.update(raw.subarray(signedAt));
  } else {
    hash.update(raw.subarray(signedAt, timestampAt)).update(raw.subarray(timestampAt + 4));
  }
  return new Uint8Array(hash.digest()).subarray(0, INNER_ID_BYTES);
}
