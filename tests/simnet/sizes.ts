// How long messages are, and of what: the sizes that the real run showed most, made of the parts that give them. Pure.

import type { GossipType } from "./real_run.ts";

/** What makes a node_announcement long. */
export interface NodeShape {
  /** Share of the nodes that look like this. */
  readonly share: number;
  /** Bytes of feature bits: LND sets bit 2023, which takes 253. */
  readonly featureBytes: number;
  /** Kinds of address descriptors. */
  readonly addresses: readonly ("ipv4" | "torv3")[];
}

/** Bytes of an address descriptor, its type included (BOLT 7). */
const ADDRESS_BYTES = { ipv4: 7, torv3: 38 } as const;

/** The run's commonest: 431, 400, 438, 199 and 185 bytes without type. */
const NODE_SHAPES: readonly NodeShape[] = [
  { share: 0.48, featureBytes: 253, addresses: ["torv3"] },
  { share: 0.27, featureBytes: 253, addresses: ["ipv4"] },
  { share: 0.2, featureBytes: 253, addresses: ["ipv4", "torv3"] },
  { share: 0.02, featureBytes: 7, addresses: ["ipv4", "ipv4", "torv3"] },
  { share: 0.03, featureBytes: 7, addresses: ["torv3"] },
];

/** type 2, signature 64, flen 2, timestamp 4, node id 33, colour 3, alias 32, addrlen 2. */
const NODE_ANNOUNCEMENT_BYTES = 142;
/** type 2, signatures 256, flen 2, chain 32, scid 8, four keys of 33. */
const CHANNEL_ANNOUNCEMENT_BYTES = 432;
/** type 2, signature 64, chain 32, scid 8, timestamp 4, flags 2, cltv 2, fees and limits 24. */
const CHANNEL_UPDATE_BYTES = 138;
/** LND's inbound fees: TLV 55555 (type 3, length 1, two i32). */
export const INBOUND_FEE_BYTES = 12;
/** Share of the channels whose updates carry them. */
const INBOUND_FEE_SHARE = 0.1;

/**
 * A share in [0, 1) for each index, so even that the few busiest origins look like the whole too (multiples of the
 * golden ratio).
 */
function evenShare(index: number): number {
  return ((index + 0.5) * 0.6180339887498949) % 1;
}

/** True when this channel's updates carry LND's inbound fees. */
export function hasInboundFee(channel: number): boolean {
  return evenShare(channel) < INBOUND_FEE_SHARE;
}

/** What this node's announcements look like. */
export function nodeShape(node: number): NodeShape {
  let share = evenShare(node);
  for (const shape of NODE_SHAPES) {
    if (share < shape.share) return shape;
    share -= shape.share;
  }
  return NODE_SHAPES[0];
}

/** Bytes of a raw message, type included, of the channel or node `origin`. */
export function messageSize(type: GossipType, origin: number): number {
  if (type === 256) return CHANNEL_ANNOUNCEMENT_BYTES;
  if (type === 258) return CHANNEL_UPDATE_BYTES + (hasInboundFee(origin) ? INBOUND_FEE_BYTES : 0);
  const { featureBytes, addresses } = nodeShape(origin);
  let size = NODE_ANNOUNCEMENT_BYTES + featureBytes;
  for (const kind of addresses) size += ADDRESS_BYTES[kind];
  return size;
}
