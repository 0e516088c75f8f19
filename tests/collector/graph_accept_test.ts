import assert from "node:assert/strict";
import fc from "fast-check";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import type { GraphLimits, GraphOutcome } from "../../collector/gossip/graph/limits.ts";
import { VERDICTS } from "../../shared/batch/batch.ts";
import { CHANNEL_UPDATE_TIMESTAMP_AT } from "../../shared/bolt/channel_update.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { channelUpdateChecksum } from "../../shared/bolt/checksum.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { StillClock } from "../support/still_clock.ts";
import {
  nodeId,
  nodePair,
  unsignedChannel,
  unsignedNode,
  unsignedUpdate,
} from "../support/fixtures/unsigned_gossip.ts";

const chain = chainHash("regtest");
const WEEK = 7 * 86_400;
const scid = scidOf({ block: 500, transaction: 3, output: 1 });
const nodes = nodePair(1, 2);
const [one, two] = nodes.map((bytes) => bytes.toHex());

/** A graph, its clock and a shorter way to give it messages. */
function setUp(limits?: Partial<GraphLimits>) {
  const clock = new StillClock();
  const graph = new Graph({ chain, clock, limits });
  const now = () => clock.seconds;
  const take = (raw: Uint8Array, signer?: string) => graph.accept(raw, "valid", signer);
  return { clock, graph, now, take };
}

const announcement = unsignedChannel({ scid, nodes });

Deno.test("a channel, its updates and its nodes are there as the bytes that came", () => {
  const { graph, now, take } = setUp();
  const update = unsignedUpdate({ scid, direction: 1, timestamp: now() - 5, extra: nodes[0] });
  const node = unsignedNode({ id: nodes[0], timestamp: now() - 9 });
  assert.deepEqual(
    [take(announcement), take(update, two), take(node)],
    ["added", "added", "added"],
  );
  const { view } = graph;
  const slot = view.find(scid);
  assert.deepEqual(view.announcement(slot), announcement);
  assert.equal(view.update(slot, 0), null);
  assert.deepEqual(view.update(slot, 1), update);
  assert.deepEqual([view.timestamp(slot, 0), view.timestamp(slot, 1)], [0, now() - 5]);
  assert.deepEqual([view.checksum(slot, 0), view.checksum(slot, 1)], [
    0,
    channelUpdateChecksum(update),
  ]);
  assert.deepEqual(view.nodeAnnouncement(view.nodeOf(slot, 0)), node);
  assert.equal(view.nodeAnnouncement(view.nodeOf(slot, 1)), null);
  assert.deepEqual(view.nodesOf(scid), [one, two]);
  assert.equal(view.nodesOf(scid + 1n), null);
  assert.equal(view.find(scid + 1n), -1);
  const { channels, updates, nodes: known, nodeAnnouncements, bytes } = graph.counts;
  assert.deepEqual([channels, updates, known, nodeAnnouncements], [1, 1, 2, 1]);
  assert.equal(bytes, announcement.length + update.length + node.length);
});

Deno.test("only what is strictly newer replaces", () => {
  const { graph, now, take } = setUp();
  take(announcement);
  const update = (timestamp: number, feeBaseMsat: number) =>
    take(unsignedUpdate({ scid, direction: 0, timestamp, feeBaseMsat }), one);
  const node = (timestamp: number, features: number[]) =>
    take(unsignedNode({ id: nodes[1], timestamp, features: Uint8Array.from(features) }));
  for (const put of [update, node]) {
    const value = (n: number): never => (put === update ? n : [n]) as never;
    assert.equal(put(now() - 10, value(1)), "added");
    assert.equal(put(now() - 10, value(2)), "known");
    assert.equal(put(now() - 11, value(3)), "known");
    assert.equal(put(now() - 9, value(4)), "replaced");
  }
  assert.equal(take(unsignedChannel({ scid, nodes, features: Uint8Array.of(1) })), "known");
  assert.deepEqual(graph.view.announcement(graph.view.find(scid)), announcement);
});

Deno.test("nothing enters that is not verified, or is of no use to the graph", () => {
  const { graph, now, take } = setUp();
  for (const verdict of VERDICTS) {
    if (verdict !== "valid") assert.equal(graph.accept(announcement, verdict), "unverified");
  }
  take(announcement);
  const update = (fields: object) =>
    take(unsignedUpdate({ scid, direction: 0, timestamp: now(), ...fields }), one);
  const withoutMaximum = unsignedUpdate({ scid, direction: 0, timestamp: now() }).slice(0, 130);
  withoutMaximum[CHANNEL_UPDATE_TIMESTAMP_AT + 4] = 0;
  const refused: [GraphOutcome, GraphOutcome][] = [
    ["unverified", take(unsignedUpdate({ scid, direction: 0, timestamp: now() }))],
    ["foreign", update({ network: "bitcoin" })],
    ["foreign", take(unsignedChannel({ scid: 9n, nodes, network: "signet" }))],
    ["foreign", take(Uint8Array.of(1, 2, 3))],
    ["foreign", take(Uint8Array.of(1, 9, 3))],
    ["implausible", take(unsignedChannel({ scid: 9n, nodes: [nodes[1], nodes[0]] }))],
    ["implausible", take(unsignedChannel({ scid: 9n, nodes: [nodes[1], nodes[1]] }))],
    ["implausible", update({ timestamp: now() + 86_401 })],
    ["implausible", update({ htlcMaximumMsat: 0n })],
    ["implausible", take(withoutMaximum, one)],
    ["implausible", take(unsignedNode({ id: nodes[0], timestamp: now() + 86_401 }))],
    ["stale", update({ timestamp: now() - 2 * WEEK - 1 })],
    ["private", update({ dontForward: true })],
    ["unannounced", take(unsignedNode({ id: nodeId(3), timestamp: now() }))],
    ["too_long", update({ extra: new Uint8Array(4096) })],
    ["conflicting", take(unsignedChannel({ scid, nodes: nodePair(5, 6) }))],
    ["conflicting", take(unsignedUpdate({ scid, direction: 0, timestamp: now() }), two)],
  ];
  for (const [expected, outcome] of refused) assert.equal(outcome, expected);
  const { channels, updates, nodeAnnouncements, outcomes } = graph.counts;
  assert.deepEqual([channels, updates, nodeAnnouncements], [1, 0, 0]);
  assert.equal(outcomes.unverified, VERDICTS.length);
  assert.equal(outcomes.implausible, 6);
});

Deno.test("an update before its channel waits, and is adopted under the key it was checked with", () => {
  const { graph, now, take } = setUp();
  const update = unsignedUpdate({ scid, direction: 0, timestamp: now() });
  assert.equal(take(update, one), "held");
  assert.equal(take(update, one), "known");
  assert.equal(take(unsignedUpdate({ scid, direction: 1, timestamp: now() }), one), "held");
  assert.equal(graph.counts.held, 2);
  take(announcement);
  const slot = graph.view.find(scid);
  assert.deepEqual(graph.view.update(slot, 0), update);
  assert.equal(graph.view.update(slot, 1), null, "signed by the other node");
  assert.deepEqual([graph.counts.held, graph.counts.adopted], [0, 1]);
});

Deno.test("a channel goes when a direction is two weeks old, and its nodes with their last channel", () => {
  const { clock, graph, now, take } = setUp();
  const other = scid + 1n;
  take(announcement);
  take(unsignedChannel({ scid: other, nodes: nodePair(2, 3) }));
  take(unsignedNode({ id: nodeId(1), timestamp: now() }));
  take(unsignedNode({ id: nodeId(2), timestamp: now() }));
  const [three, four] = nodePair(2, 3).map((bytes) => bytes.toHex());
  const start = now();
  take(unsignedUpdate({ scid, direction: 0, timestamp: start - WEEK }), one);
  take(unsignedUpdate({ scid, direction: 1, timestamp: start }), two);
  take(unsignedUpdate({ scid: other, direction: 0, timestamp: start }), three);
  assert.equal(graph.prune(), 0);
  clock.advance(WEEK);
  assert.equal(graph.prune(), 0, "not older than two weeks");
  clock.advance(1);
  assert.equal(graph.prune(), 1);
  assert.equal(graph.view.find(scid), -1);
  assert.equal(graph.counts.updates, 1);
  assert.deepEqual([graph.counts.nodes, graph.counts.nodeAnnouncements], [2, 1]);

  clock.advance(WEEK - 1);
  take(unsignedUpdate({ scid: other, direction: 0, timestamp: now() }), three);
  assert.equal(graph.prune(), 0);
  clock.advance(1);
  assert.equal(graph.prune(), 1, "the other direction never had an update");
  const { channels, updates, nodes: left, nodeAnnouncements, bytes, pruned } = graph.counts;
  assert.deepEqual([channels, updates, left, nodeAnnouncements, bytes, pruned], [0, 0, 0, 0, 0, 2]);
  assert.equal(take(unsignedUpdate({ scid: other, direction: 1, timestamp: now() }), four), "held");
});

Deno.test("updates of one direction that come too often are not stored; the other direction's are", () => {
  const { clock, now, take } = setUp({ quota: { burst: 3, intervalSeconds: 60 } });
  take(announcement);
  let timestamp = now() - 1000;
  const update = (direction: 0 | 1) =>
    take(unsignedUpdate({ scid, direction, timestamp: ++timestamp }), [one, two][direction]);
  assert.deepEqual([0, 0, 0, 0, 0].map(() => update(0)), [
    "added",
    "replaced",
    "replaced",
    "spam",
    "spam",
  ]);
  assert.equal(update(1), "added");
  clock.advance(60);
  assert.deepEqual([update(0), update(0)], ["replaced", "spam"]);
  const node = (at: number) => take(unsignedNode({ id: nodes[0], timestamp: at }));
  assert.deepEqual([1, 2, 3, 4].map(node), ["added", "replaced", "replaced", "spam"]);
});

Deno.test("a full graph refuses, counts, and takes again when channels were pruned", () => {
  const { clock, graph, now, take } = setUp({ channels: 2, nodes: 5, bytes: 1600 });
  const channel = (n: number, a: number, b: number) =>
    take(unsignedChannel({ scid: BigInt(n), nodes: nodePair(a, b) }));
  assert.deepEqual([channel(1, 1, 2), channel(2, 3, 4), channel(3, 1, 2)], [
    "added",
    "added",
    "full",
  ]);
  for (const direction of [0, 1] as const) {
    for (const [n, a, b] of [[1, 1, 2], [2, 3, 4]]) {
      const signer = nodePair(a, b)[direction].toHex();
      take(unsignedUpdate({ scid: BigInt(n), direction, timestamp: now() }), signer);
    }
  }
  assert.equal(take(unsignedNode({ id: nodeId(1), timestamp: 5 })), "added");
  assert.equal(take(unsignedNode({ id: nodeId(2), timestamp: 5 })), "full", "its bytes");
  assert.equal(graph.counts.outcomes.full, 2);
  clock.advance(2 * WEEK + 1);
  assert.equal(graph.prune(), 2);
  assert.equal(channel(3, 1, 2), "added");
  assert.deepEqual([channel(4, 3, 4), channel(5, 5, 6)], ["added", "full"]);
});

Deno.test("a place that is used again remembers nothing of who had it", () => {
  const { clock, graph, now, take } = setUp({ quota: { burst: 1, intervalSeconds: 1e7 } });
  for (const number of [1n, 2n]) {
    const timestamp = now();
    assert.equal(take(unsignedChannel({ scid: number, nodes })), "added");
    const slot = graph.view.find(number);
    assert.deepEqual([graph.view.isDisabled(slot), graph.view.timestamp(slot, 0)], [false, 0]);
    const update = unsignedUpdate({ scid: number, direction: 0, timestamp, disabled: true });
    assert.equal(take(update, one), "added");
    assert.ok(graph.view.isDisabled(slot));
    const node = graph.view.nodeOf(slot, 0);
    assert.deepEqual([graph.view.nodeTimestamp(node), graph.view.nodeAnnouncement(node)], [
      0,
      null,
    ]);
    assert.equal(take(unsignedNode({ id: nodes[0], timestamp })), "added");
    assert.equal(take(unsignedNode({ id: nodes[0], timestamp: timestamp + 1 })), "spam");
    clock.advance(2 * WEEK + 1);
    assert.equal(graph.prune(), 1);
  }
});

Deno.test("an update may be as old as two weeks and as far ahead as a day", () => {
  const { now, take } = setUp();
  take(announcement);
  const update = (timestamp: number) =>
    take(unsignedUpdate({ scid, direction: 0, timestamp }), one);
  assert.deepEqual([now() - 2 * WEEK, now() + 86_400].map(update), ["added", "replaced"]);
});

Deno.test("no more nodes than the limit, whatever channels name", () => {
  const { take } = setUp({ nodes: 3 });
  const channel = (n: number, a: number, b: number) =>
    take(unsignedChannel({ scid: BigInt(n), nodes: nodePair(a, b) }));
  assert.deepEqual([channel(1, 1, 2), channel(2, 3, 4), channel(3, 2, 3), channel(4, 3, 4)], [
    "added",
    "full",
    "added",
    "full",
  ]);
});

/** One thing that may happen to a graph. */
const step = fc.oneof(
  fc.record({ kind: fc.constant("channel" as const), scid: fc.nat(7), pair: fc.nat(2) }),
  fc.record({
    kind: fc.constant("update" as const),
    scid: fc.nat(7),
    direction: fc.constantFrom(0 as const, 1 as const),
    age: fc.nat(20),
    pair: fc.nat(2),
    extra: fc.nat(300),
  }),
  fc.record({ kind: fc.constant("node" as const), node: fc.nat(4), age: fc.nat(20) }),
  fc.record({ kind: fc.constant("pass" as const), days: fc.integer({ min: 1, max: 6 }) }),
);
const DAY = 86_400;
/** Two of the pairs share a node, so that nodes lose some of their channels. */
const PAIRS = [nodePair(0, 1), nodePair(1, 2), nodePair(3, 4)];

/** The graph as plain maps: what is held of each channel and node, hex. */
class Model {
  channels = new Map<
    bigint,
    {
      raw: string;
      at: number;
      pair: readonly string[];
      updates: ({ raw: string; timestamp: number } | null)[];
    }
  >();
  nodes = new Map<string, { raw: string; timestamp: number }>();
  held = new Map<string, { raw: string; timestamp: number; signer: string }>();

  channel(scid: bigint, raw: string, pair: readonly string[], at: number) {
    if (this.channels.has(scid)) return;
    this.channels.set(scid, { raw, pair, at, updates: [null, null] });
    for (const direction of [0, 1] as const) {
      const waiting = this.held.get(`${scid} ${direction}`);
      this.held.delete(`${scid} ${direction}`);
      if (waiting && waiting.timestamp >= at - 2 * WEEK) {
        this.update(scid, direction, waiting.raw, waiting.timestamp, waiting.signer);
      }
    }
  }

  update(scid: bigint, direction: 0 | 1, raw: string, timestamp: number, signer: string) {
    const channel = this.channels.get(scid);
    if (!channel) {
      const key = `${scid} ${direction}`;
      if ((this.held.get(key)?.timestamp ?? -1) < timestamp) {
        this.held.set(key, { raw, timestamp, signer });
      }
    } else if (
      channel.pair[direction] === signer &&
      (channel.updates[direction]?.timestamp ?? -1) < timestamp
    ) {
      channel.updates[direction] = { raw, timestamp };
    }
  }

  node(id: string, raw: string, timestamp: number) {
    if (![...this.channels.values()].some(({ pair }) => pair.includes(id))) return;
    if ((this.nodes.get(id)?.timestamp ?? -1) < timestamp) this.nodes.set(id, { raw, timestamp });
  }

  prune(now: number) {
    for (const [scid, { at, updates }] of this.channels) {
      const oldest = Math.min(...updates.map((update) => update?.timestamp ?? at));
      if (oldest < now - 2 * WEEK) this.channels.delete(scid);
    }
    const left = new Set([...this.channels.values()].flatMap(({ pair }) => pair));
    for (const id of this.nodes.keys()) if (!left.has(id)) this.nodes.delete(id);
  }
}

/** A graph in the form of the model, read in order. */
function contents({ view }: Graph) {
  const hex = (raw: Uint8Array | null) => raw && raw.toHex();
  const channels = Array.from({ length: view.channelCount }, (_, position) => {
    const slot = view.at(position);
    return {
      scid: view.scid(slot),
      raw: hex(view.announcement(slot)),
      pair: view.nodesOf(view.scid(slot)),
      updates: ([0, 1] as const).map((direction) => {
        const raw = hex(view.update(slot, direction));
        return raw === null ? null : { raw, timestamp: view.timestamp(slot, direction) };
      }),
    };
  });
  const nodes = Array.from({ length: view.nodeCount }, (_, position) => {
    const node = view.nodeAt(position);
    const raw = hex(view.nodeAnnouncement(node));
    return { id: view.nodeId(node).toHex(), raw, timestamp: view.nodeTimestamp(node) };
  });
  return { channels, nodes };
}

Deno.test("whatever comes in whatever order, the graph holds what a plain map would", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const { clock, graph, now, take } = setUp({ quota: { burst: 1e6, intervalSeconds: 1 } });
      const model = new Model();
      for (const step of steps) {
        if (step.kind === "pass") {
          clock.advance(step.days * DAY);
          graph.prune();
          model.prune(now());
        } else if (step.kind === "channel") {
          const raw = unsignedChannel({ scid: BigInt(step.scid), nodes: PAIRS[step.pair] });
          take(raw);
          model.channel(
            BigInt(step.scid),
            raw.toHex(),
            PAIRS[step.pair].map((bytes) => bytes.toHex()),
            now(),
          );
        } else if (step.kind === "update") {
          const { direction } = step;
          const of = BigInt(step.scid);
          const timestamp = now() - step.age * DAY;
          const extra = new Uint8Array(step.extra);
          const raw = unsignedUpdate({ scid: of, direction, timestamp, extra });
          const signer = PAIRS[step.pair][direction].toHex();
          take(raw, signer);
          if (step.age <= 14) model.update(of, direction, raw.toHex(), timestamp, signer);
        } else {
          const id = nodeId(step.node);
          const timestamp = now() - step.age * DAY;
          const raw = unsignedNode({ id, timestamp });
          take(raw);
          model.node(id.toHex(), raw.toHex(), timestamp);
        }
      }
      const { channels, nodes } = contents(graph);
      const expected = [...model.channels].sort(([a], [b]) => a < b ? -1 : 1);
      assert.deepEqual(
        channels,
        expected.map(([scid, { raw, pair, updates }]) => ({ scid, raw, pair, updates })),
      );
      const ids = [...new Set(expected.flatMap(([, { pair }]) => pair))].sort();
      assert.deepEqual(
        nodes,
        ids.map((id) => ({ id, ...model.nodes.get(id) ?? { raw: null, timestamp: 0 } })),
      );
      const raws = [...channels, ...channels.flatMap(({ updates }) => updates), ...nodes];
      const bytes = raws.reduce((sum, each) => sum + (each?.raw?.length ?? 0) / 2, 0);
      assert.deepEqual([graph.counts.bytes, graph.counts.held], [bytes, model.held.size]);
    }),
    { numRuns: 150 },
  );
});
