/**
 * Gossip messages whose signatures nobody will check: a thousand times faster made than signed ones.
 *
 * @module
 */
import { chainHash, type Network } from "../../shared/bolt/chains.ts";
import { ALIAS_BYTES } from "../../shared/bolt/node_announcement.ts";
import { encodeMessage } from "../../shared/bolt/message.ts";

const SPREAD = 0x9e37_79b1;

/** Bytes that differ for each seed. */
function filler(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let word = Math.imul(seed + 1, SPREAD) ^ Math.floor(seed / 2 ** 32);
  for (let i = 0; i < length; i++) {
    word = Math.imul(word ^ word >>> 15, SPREAD) + i;
    bytes[i] = word >>> 24;
  }
  return bytes;
}

/** A node id that is no point: 33 bytes, the same for the same number. */
export function nodeId(number: number): Uint8Array {
  const id = filler(33, number);
  id[0] = 2;
  return id;
}

/** Two node ids as BOLT 7 orders them. */
export function nodePair(a: number, b: number): [Uint8Array, Uint8Array] {
  const [one, two] = [nodeId(a), nodeId(b)];
  const difference = one.findIndex((byte, i) => byte !== two[i]);
  return one[difference] < two[difference] ? [one, two] : [two, one];
}

/** 64 bytes that are no signature. */
function signature(seed: number): Uint8Array {
  return filler(64, seed);
}

/** What may be said of an {@link unsignedUpdate}. */
export interface UnsignedUpdate {
  /** Its channel. */
  readonly scid: bigint;
  /** Who signs. */
  readonly direction: 0 | 1;
  /** Seconds. */
  readonly timestamp: number;
  /** Set the disabled bit. */
  readonly disabled?: boolean;
  /** Set the dont_forward bit. */
  readonly dontForward?: boolean;
  /** Millisatoshi; 1000 when absent. */
  readonly feeBaseMsat?: number;
  /** Millisatoshi; 100,000,000 when absent. */
  readonly htlcMaximumMsat?: bigint;
  /** Behind the known fields. */
  readonly extra?: Uint8Array;
  /** Regtest when absent. */
  readonly network?: Network;
}

/** A channel_announcement between two node ids, given in order. */
export function unsignedChannel(
  channel: {
    scid: bigint;
    nodes: readonly [Uint8Array, Uint8Array];
    network?: Network;
    features?: Uint8Array;
  },
): Uint8Array {
  const { scid, nodes: [nodeId1, nodeId2] } = channel;
  const seed = Number(BigInt.asUintN(50, scid));
  return encodeMessage({
    type: 256,
    nodeSignature1: signature(seed),
    nodeSignature2: signature(seed + 1),
    bitcoinSignature1: signature(seed + 2),
    bitcoinSignature2: signature(seed + 3),
    features: channel.features ?? new Uint8Array(0),
    chainHash: chainHash(channel.network ?? "regtest"),
    scid,
    nodeId1,
    nodeId2,
    bitcoinKey1: nodeId(seed + 4),
    bitcoinKey2: nodeId(seed + 5),
  });
}

/** A channel_update. */
export function unsignedUpdate(update: UnsignedUpdate): Uint8Array {
  return encodeMessage({
    type: 258,
    signature: signature(update.timestamp),
    chainHash: chainHash(update.network ?? "regtest"),
    scid: update.scid,
    timestamp: update.timestamp,
    messageFlags: update.dontForward ? 3 : 1,
    channelFlags: update.direction + (update.disabled ? 2 : 0),
    cltvExpiryDelta: 80,
    htlcMinimumMsat: 1n,
    feeBaseMsat: update.feeBaseMsat ?? 1000,
    feeProportionalMillionths: 100,
    htlcMaximumMsat: update.htlcMaximumMsat ?? 100_000_000n,
    extra: update.extra,
  });
}

/** A node_announcement with one address. */
export function unsignedNode(
  node: { id: Uint8Array; timestamp: number; features?: Uint8Array },
): Uint8Array {
  return encodeMessage({
    type: 257,
    signature: signature(node.timestamp),
    features: node.features ?? new Uint8Array(0),
    timestamp: node.timestamp,
    nodeId: node.id,
    color: new Uint8Array([1, 2, 3]),
    alias: new Uint8Array(ALIAS_BYTES).fill(65),
    addresses: [{ type: 1, host: new Uint8Array([203, 0, 113, 7]), port: 9735 }],
  });
}
