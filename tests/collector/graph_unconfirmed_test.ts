import assert from "node:assert/strict";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import type { GraphLimits } from "../../collector/gossip/graph/limits.ts";
import type { SourcePeer } from "../../collector/gossip/graph/unconfirmed.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { StillClock } from "../support/still_clock.ts";
import { nodePair, unsignedChannel, unsignedUpdate } from "../support/fixtures/unsigned_gossip.ts";

const scidAt = (i: number) => scidOf({ block: 500 + i, transaction: 3, output: 1 });
const nodes = nodePair(1, 2);
const channel = (i: number) => unsignedChannel({ scid: scidAt(i), nodes });
const peer = (nodeId: string): SourcePeer => ({ nodeId, askedUntil: 0 });
const asked = (nodeId: string): SourcePeer => ({ nodeId, askedUntil: Infinity });

/** A graph and a shorter way to give it messages. */
function setUp(limits: Partial<GraphLimits>) {
  const clock = new StillClock();
  const graph = new Graph({ chain: chainHash("regtest"), clock, limits });
  const take = (raw: Uint8Array, sourcePeer: SourcePeer | null, signer: string | null = null) =>
    graph.accept(raw, "valid", signer, sourcePeer);
  const update = (i: number, sourcePeer: SourcePeer) => {
    const raw = unsignedUpdate({ scid: scidAt(i), direction: 0, timestamp: clock.seconds });
    return take(raw, sourcePeer, nodes[0].toHex());
  };
  const known = (count: number) =>
    Array.from({ length: count }, (_, i) => i).filter((i) => graph.view.find(scidAt(i)) >= 0);
  return { graph, take, update, known };
}

Deno.test("a peer has so many channels that no other brings, more where it is asked", () => {
  const { graph, take } = setUp({ unconfirmed: 2 });
  assert.deepEqual([0, 1, 2].map((i) => take(channel(i), peer("a"))), [
    "added",
    "added",
    "source_full",
  ]);
  assert.equal(take(channel(2), peer("b")), "added");
  assert.equal(take(channel(3), asked("a")), "added");
  assert.equal(graph.counts.unconfirmed, 4);
  assert.equal(take(channel(4), null), "added");
  assert.equal(graph.counts.unconfirmed, 4);
});

Deno.test("another peer's announcement or update confirms a channel, the same peer's does not", () => {
  const { graph, take, update } = setUp({ unconfirmed: 2 });
  for (const i of [0, 1]) take(channel(i), peer("a"));
  assert.deepEqual([take(channel(0), peer("a")), update(1, peer("a"))], ["known", "added"]);
  assert.equal(graph.counts.unconfirmed, 2);
  assert.deepEqual([take(channel(0), peer("b")), update(1, peer("b"))], ["known", "known"]);
  assert.equal(graph.counts.unconfirmed, 0);
  assert.equal(take(channel(2), peer("a")), "added");
});

Deno.test("updates that waited for their channel are no second witness", () => {
  const { graph, take, update } = setUp({});
  assert.equal(update(0, peer("a")), "held");
  take(channel(0), peer("a"));
  assert.deepEqual([graph.counts.adopted, graph.counts.unconfirmed], [1, 1]);
});

Deno.test("in a full graph who has most unconfirmed channels makes room, and confirmed ones stay", () => {
  const { graph, take, known } = setUp({ channels: 6 });
  for (const i of [0, 1, 2, 3]) take(channel(i), asked("a"));
  take(channel(4), asked("b"));
  take(channel(5), null);
  assert.equal(take(channel(6), asked("a")), "source_full");
  assert.equal(take(channel(6), asked("b")), "added");
  assert.deepEqual(known(7), [1, 2, 3, 4, 5, 6]);
  // Two and three: another would only turn that round.
  assert.equal(take(channel(7), asked("b")), "source_full");
  for (const i of [7, 8, 9, 10, 11]) assert.equal(take(channel(i), null), "added");
  assert.deepEqual(known(12), [5, 7, 8, 9, 10, 11]);
  assert.equal(take(channel(12), null), "full");
  assert.deepEqual([graph.counts.evicted, graph.counts.unconfirmed], [6, 0]);
});

Deno.test("bytes of unconfirmed channels make room for confirmed ones and their updates", () => {
  const { graph, take, update, known } = setUp({ bytes: 4 * channel(0).length });
  for (const i of [0, 1, 2]) take(channel(i), asked("a"));
  take(channel(3), null);
  assert.equal(update(0, asked("a")), "full");
  assert.equal(update(3, asked("a")), "added");
  assert.deepEqual(known(4), [1, 2, 3]);
  assert.ok(graph.counts.bytes <= 4 * channel(0).length);
});

Deno.test("a channel that two peers bring takes the place of one peer's under the same scid", () => {
  const { graph, take } = setUp({});
  const other = nodePair(3, 4);
  const rival = unsignedChannel({ scid: scidAt(0), nodes: other });
  take(channel(0), peer("a"));
  assert.equal(take(rival, peer("b")), "conflicting");
  assert.equal(take(rival, null), "added");
  assert.deepEqual(graph.view.nodesOf(scidAt(0)), other.map((bytes) => bytes.toHex()));
  assert.equal(take(channel(0), null), "conflicting", "two against two: the first stays");
  assert.equal(graph.counts.channels, 1);
});
