/**
 * Small gossip messages with true signatures, and graphs of them that other implementations accept.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { chainHash, type Network } from "../../shared/bolt/chains.ts";
import { ALIAS_BYTES } from "../../shared/bolt/node_announcement.ts";
import { encodeMessage, type MessageFields } from "../../shared/bolt/message.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { signedPart } from "../../shared/bolt/signed.ts";
import { publicKeyOf, signGossip } from "../../shared/secp256k1.ts";
import { toHex } from "../../shared/text.ts";

/** A key pair of the tests. */
export interface TestKey {
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
  /** 33 bytes, compressed. */
  readonly publicKey: Uint8Array;
  /** {@link TestKey.publicKey} in hex: the node id. */
  readonly id: string;
}

/** The key pair of a label: the same label gives the same key everywhere. */
export function testKey(label: string): TestKey {
  const privateKey = new Uint8Array(createHash("sha256").update(label).digest());
  const publicKey = publicKeyOf(privateKey);
  return { privateKey, publicKey, id: toHex(publicKey) };
}

const NO_SIGNATURE = new Uint8Array(64);
const NO_FEATURES = new Uint8Array(0);

/** A signed channel_announcement; the two nodes may come in either order. */
export function channelAnnouncement(
  channel: { scid: bigint; nodes: readonly [TestKey, TestKey]; network?: Network },
): Uint8Array {
  const [node1, node2] = inOrder(channel.nodes);
  const bitcoin1 = testKey(`funding key 1 of ${channel.scid}`);
  const bitcoin2 = testKey(`funding key 2 of ${channel.scid}`);
  return signed({
    type: 256,
    nodeSignature1: NO_SIGNATURE,
    nodeSignature2: NO_SIGNATURE,
    bitcoinSignature1: NO_SIGNATURE,
    bitcoinSignature2: NO_SIGNATURE,
    features: NO_FEATURES,
    chainHash: chainHash(channel.network ?? "regtest"),
    scid: channel.scid,
    nodeId1: node1.publicKey,
    nodeId2: node2.publicKey,
    bitcoinKey1: bitcoin1.publicKey,
    bitcoinKey2: bitcoin2.publicKey,
  }, [node1, node2, bitcoin1, bitcoin2]);
}

/** A signed channel_update of one direction; `timestamp` in seconds since the Unix epoch. */
export function channelUpdate(
  update: {
    scid: bigint;
    nodes: readonly [TestKey, TestKey];
    direction: 0 | 1;
    timestamp: number;
    feeBaseMsat?: number;
    network?: Network;
  },
): Uint8Array {
  return signed({
    type: 258,
    signature: NO_SIGNATURE,
    chainHash: chainHash(update.network ?? "regtest"),
    scid: update.scid,
    timestamp: update.timestamp,
    messageFlags: 1,
    channelFlags: update.direction,
    cltvExpiryDelta: 80,
    htlcMinimumMsat: 1n,
    feeBaseMsat: update.feeBaseMsat ?? 1000,
    feeProportionalMillionths: 100,
    htlcMaximumMsat: 100_000_000n,
  }, [inOrder(update.nodes)[update.direction]]);
}

/** A signed node_announcement; `timestamp` in seconds since the Unix epoch. */
export function nodeAnnouncement(
  node: TestKey,
  options: { timestamp: number; alias?: string },
): Uint8Array {
  const alias = new Uint8Array(ALIAS_BYTES);
  new TextEncoder().encodeInto(options.alias ?? "test", alias);
  return signed({
    type: 257,
    signature: NO_SIGNATURE,
    features: NO_FEATURES,
    timestamp: options.timestamp,
    nodeId: node.publicKey,
    color: new Uint8Array([0x3b, 0x82, 0xf6]),
    alias,
    addresses: [{ type: 1, host: new Uint8Array([203, 0, 113, 7]), port: 9735 }],
  }, [node]);
}

/** What {@link signedGraph} makes. */
export interface GraphOptions {
  /** Nodes, at least 3: a ring, and chords once the ring is closed. */
  readonly nodes: number;
  /** Channels, each with both of its updates; at least {@link GraphOptions.nodes}, so that each node has one. */
  readonly channels: number;
  /** Of all updates and node_announcements, seconds since the Unix epoch. */
  readonly timestamp: number;
  /** Regtest when absent. */
  readonly network?: Network;
}

/**
 * A connected graph as its messages, each behind what it rests on: channel_announcement, then both of the channel's
 * updates; all node_announcements last.
 */
export function signedGraph(options: GraphOptions): Uint8Array[] {
  const { timestamp, network } = options;
  const keys = Array.from({ length: options.nodes }, (_, i) => testKey(`graph node ${i}`));
  const messages: Uint8Array[] = [];
  for (let i = 0; i < options.channels; i++) {
    const step = 1 + Math.floor(i / options.nodes) % (options.nodes - 1);
    const nodes = [keys[i % keys.length], keys[(i + step) % keys.length]] as const;
    const scid = scidOf({ block: 100 + i, transaction: 1, output: 0 });
    messages.push(
      channelAnnouncement({ scid, nodes, network }),
      channelUpdate({ scid, nodes, direction: 0, timestamp, network }),
      channelUpdate({ scid, nodes, direction: 1, timestamp, network }),
    );
  }
  keys.forEach((key, i) => messages.push(nodeAnnouncement(key, { timestamp, alias: `node ${i}` })));
  return messages;
}

/** BOLT 7: node_id_1 is the lesser of the two. */
export function inOrder([a, b]: readonly [TestKey, TestKey]): readonly [TestKey, TestKey] {
  return a.id < b.id ? [a, b] : [b, a];
}

/** The message with its signatures by `keys`, in the order of its signature fields. */
export function signed(fields: MessageFields, keys: readonly TestKey[]): Uint8Array {
  const raw = encodeMessage(fields);
  const { signatures, digestInput } = signedPart(raw)!;
  signatures.forEach((signature, i) => {
    signature.set(signGossip(keys[i].privateKey, digestInput));
  });
  return raw;
}
