// A digest stands for a message whose bytes are not stored, in the place of its bytes. With it the message keeps its own
// row: identity, type, what it is about, its own timestamp. Of type 0xffff, which is unassigned (BOLT 1) and never
// recorded of a peer. All integers are big-endian, as in BOLT 7.
//
// | offset | what |
// |---|---|
// | 0 | u16 0xffff |
// | 2 | u8 0: a digest; a stand-in for many messages has a text here |
// | 3 | u8 which of the last five are there, from bit 0 |
// | 4 | SHA-256 of the message |
// | 36 | u16 its type, u32 its size |
// | 42 | u64 scid, u8 direction, 33 bytes node id, u32 own timestamp, 16 bytes inner id |

import { type GossipFacts, INNER_ID_BYTES } from "../bolt/facts.ts";

/** The type of digests and stand-ins. */
export const NOT_STORED_TYPE = 0xffff;

const FIXED_BYTES = 42;
const SHA_BYTES = 32;
const NODE_ID_BYTES = 33;
const FIELD_BYTES = [8, 1, NODE_ID_BYTES, 4, INNER_ID_BYTES] as const;

/** What a digest says. */
export interface Digest {
  readonly sha256: Uint8Array;
  readonly facts: GossipFacts;
}

/** The digest of a message. */
export function encodeDigest({ sha256, facts }: Digest): Uint8Array {
  const { scid, direction, nodeId, ownTimestamp, innerId } = facts;
  const fields = [scid, direction, nodeId, ownTimestamp, innerId];
  const present = fields.reduce<number>(
    (bits, field, i) => field === null ? bits : bits | 1 << i,
    0,
  );
  const bytes = new Uint8Array(length(present));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, NOT_STORED_TYPE);
  view.setUint8(3, present);
  bytes.set(sha256, 4);
  view.setUint16(36, facts.type);
  view.setUint32(38, facts.size);
  let at = FIXED_BYTES;
  const next = (i: number) => (at += FIELD_BYTES[i]) - FIELD_BYTES[i];
  if (scid !== null) view.setBigInt64(next(0), scid);
  if (direction !== null) view.setUint8(next(1), direction);
  if (nodeId !== null) bytes.set(Uint8Array.fromHex(nodeId), next(2));
  if (ownTimestamp !== null) view.setUint32(next(3), ownTimestamp);
  if (innerId !== null) bytes.set(innerId, next(4));
  return bytes;
}

/** What bytes say if they are a digest; else null. */
export function decodeDigest(bytes: Uint8Array): Digest | null {
  if (bytes.length < FIXED_BYTES || bytes[0] !== 0xff || bytes[1] !== 0xff || bytes[2] !== 0) {
    return null;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const present = view.getUint8(3);
  if (present >>> FIELD_BYTES.length !== 0 || bytes.length !== length(present)) return null;
  let at = FIXED_BYTES;
  const field = <T>(i: number, read: (at: number) => T): T | null =>
    (present & 1 << i) === 0 ? null : read((at += FIELD_BYTES[i]) - FIELD_BYTES[i]);
  const facts = {
    type: view.getUint16(36),
    size: view.getUint32(38),
    scid: field(0, (at) => view.getBigInt64(at)),
    direction: field(1, (at) => (view.getUint8(at) & 1) as 0 | 1),
    nodeId: field(2, (at) => bytes.slice(at, at + NODE_ID_BYTES).toHex()),
    ownTimestamp: field(3, (at) => view.getUint32(at)),
    innerId: field(4, (at) => bytes.slice(at, at + INNER_ID_BYTES)),
  };
  // The largest message has 65,535 bytes (BOLT 8); a row holds no more.
  if (facts.size > 0xffff) return null;
  return { sha256: bytes.slice(4, 4 + SHA_BYTES), facts };
}

function length(present: number): number {
  return FIELD_BYTES.reduce<number>(
    (sum, bytes, i) => present & 1 << i ? sum + bytes : sum,
    FIXED_BYTES,
  );
}
