// A process that holds a whole mainnet-sized graph, or none, and says what that took: what `graph.ts` measures.
// `graph_process.ts WHAT FILE` prints one line of JSON.
//
// - `collect`: the graph takes all messages, then a third of the updates again and newer, and is saved;
// - `load`: the graph comes from the file;
// - `idle`: an empty graph and nothing else.

import { chainHash } from "../../shared/bolt/chains.ts";
import { encodeMessage } from "../../shared/bolt/message.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { systemClock } from "../../shared/clock.ts";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import { GraphFile } from "../../collector/gossip/graph/graph_file.ts";

const CHANNELS = 63_000;
const NODES = 20_000;
const chain = chainHash("bitcoin");

/** Bytes as random as signatures and keys. */
function noise(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

const signature = () => noise(64);
const key = (first: number) => {
  const bytes = noise(33);
  bytes[0] = first;
  return bytes;
};
/** Node ids in ascending order, so that a lesser index is a lesser id. */
const ids = Array.from({ length: NODES }, (_, i) => {
  const id = key(2);
  new DataView(id.buffer).setUint32(1, i);
  return id;
});

const pairOf = (channel: number) => {
  const a = channel % NODES;
  // Hubs have most of the channels, as on mainnet.
  const b = (a + 1 + Math.floor(NODES * (channel * 0.618 % 1) ** 3)) % NODES;
  return a < b ? [a, b] : a > b ? [b, a] : [a, a + 1];
};
const scids = (channel: number) =>
  scidOf({ block: 500_000 + channel * 6, transaction: channel * 31 % 3000, output: channel % 2 });

function channelAnnouncement(channel: number): Uint8Array {
  const [one, two] = pairOf(channel);
  return encodeMessage({
    type: 256,
    nodeSignature1: signature(),
    nodeSignature2: signature(),
    bitcoinSignature1: signature(),
    bitcoinSignature2: signature(),
    features: new Uint8Array(0),
    chainHash: chain,
    scid: scids(channel),
    nodeId1: ids[one],
    nodeId2: ids[two],
    bitcoinKey1: key(2),
    bitcoinKey2: key(3),
  });
}

function channelUpdate(channel: number, direction: number, timestamp: number): Uint8Array {
  return encodeMessage({
    type: 258,
    signature: signature(),
    chainHash: chain,
    scid: scids(channel),
    timestamp,
    messageFlags: 1,
    channelFlags: direction,
    cltvExpiryDelta: 80,
    htlcMinimumMsat: 1000n,
    feeBaseMsat: 1000,
    feeProportionalMillionths: channel,
    htlcMaximumMsat: 990_000_000n,
    // LND's inbound fee.
    extra: channel % 3 === 0 ? noise(12) : undefined,
  });
}

function nodeAnnouncement(node: number, timestamp: number): Uint8Array {
  return encodeMessage({
    type: 257,
    signature: signature(),
    // LND's bit 2023.
    features: noise(node % 4 > 0 ? 253 : 7),
    timestamp,
    nodeId: ids[node],
    color: noise(3),
    alias: noise(32),
    addresses: [{ type: 4, host: noise(35), port: 9735 }],
  });
}

const [what, path] = Deno.args;
const graph = new Graph({ chain, clock: systemClock });
const file = new GraphFile(path, graph, systemClock);
const result: Record<string, unknown> = {};

/** Gives the graph every message, and a third of the updates a second time and newer. */
function collect(): void {
  const now = Math.floor(Date.now() / 1000);
  const update = (channel: number, timestamp: number) => {
    for (const direction of [0, 1]) {
      const raw = channelUpdate(channel, direction, timestamp);
      graph.accept(raw, "valid", ids[pairOf(channel)[direction]].toHex());
    }
  };
  for (let i = 0; i < CHANNELS; i++) {
    // Out of order, as peers tell them.
    const channel = i * 7919 % CHANNELS;
    graph.accept(channelAnnouncement(channel), "valid");
    update(channel, now - 1000);
  }
  for (let node = 0; node < NODES; node++) graph.accept(nodeAnnouncement(node, now), "valid");
  for (let channel = 0; channel < CHANNELS; channel += 3) update(channel, now);
}

if (what === "collect") {
  collect();
  const started = performance.now();
  await file.save();
  result.saveMilliseconds = performance.now() - started;
} else if (what === "load") {
  const started = performance.now();
  const { problem } = await file.load();
  if (problem) throw new Error(problem);
  result.loadMilliseconds = performance.now() - started;
}
const { channels, updates, nodes, nodeAnnouncements, bytes } = graph.counts;
const rss = Deno.memoryUsage().rss;
console.log(JSON.stringify({ ...result, rss, channels, updates, nodes, nodeAnnouncements, bytes }));
