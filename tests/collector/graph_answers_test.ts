import assert from "node:assert/strict";
import fc from "fast-check";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import {
  answerPast,
  answerScids,
  scidQuery,
} from "../../collector/gossip/queries/message_answers.ts";
import { answerRange } from "../../collector/gossip/queries/range_answer.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { channelUpdateChecksum } from "../../shared/bolt/checksum.ts";
import { decodeMessage, encodeMessage } from "../../shared/bolt/message.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { RangeReader } from "../support/fixtures/range_reader.ts";
import { StillClock } from "../support/still_clock.ts";
import {
  nodeId,
  nodePair,
  unsignedChannel,
  unsignedNode,
  unsignedUpdate,
} from "../support/fixtures/unsigned_gossip.ts";

const chain = chainHash("regtest");
const clock = new StillClock();
const now = clock.seconds;
const HIGHEST = 0xff_ffff;
const NODES = 6;

/** A channel of a test's graph: where it is, and how old its updates are; null where there is none. */
interface Spec {
  readonly block: number;
  readonly index: number;
  readonly ages: readonly [number | null, number | null];
}

const block = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 100, max: 112 }) },
  fc.constantFrom(0, 1, HIGHEST - 1, HIGHEST),
);
const age = fc.option(fc.integer({ min: 0, max: 1000 }));
const spec: fc.Arbitrary<Spec> = fc.record({ block, index: fc.nat(30), ages: fc.tuple(age, age) });
const specs = fc.uniqueArray(spec, { selector: scidOfSpec, maxLength: 80, size: "max" });
const height = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 95, max: 115 }) },
  fc.constantFrom(0, 1, HIGHEST, HIGHEST + 1, 0x7fff_ffff, 0xffff_ffff),
);

function scidOfSpec({ block, index }: Spec): bigint {
  return scidOf({ block, transaction: index, output: 0 });
}

/** What a channel consists of, in the order in which it is told. */
function messagesOf(spec: Spec) {
  const scid = scidOfSpec(spec);
  const a = (spec.block + spec.index) % NODES;
  const nodes = nodePair(a, (a + 1 + spec.index % (NODES - 1)) % NODES);
  const updates = ([0, 1] as const).map((direction) => {
    const age = spec.ages[direction];
    return age === null ? null : unsignedUpdate({ scid, direction, timestamp: now - age });
  });
  return { scid, nodes, announcement: unsignedChannel({ scid, nodes }), updates };
}

function put(graph: Graph, spec: Spec): void {
  const { nodes, announcement, updates } = messagesOf(spec);
  graph.accept(announcement, "valid");
  for (const direction of [0, 1]) {
    const update = updates[direction];
    if (update) graph.accept(update, "valid", nodes[direction].toHex());
  }
}

/** A graph of these channels, in which nodes with even numbers have an announcement as old as their number. */
function graphOf(specs: readonly Spec[]): Graph {
  const graph = new Graph({ chain, clock });
  for (const spec of specs) put(graph, spec);
  for (let i = 0; i < NODES; i += 2) {
    graph.accept(unsignedNode({ id: nodeId(i), timestamp: now - i }), "valid");
  }
  return graph;
}

const everything = () => true;

Deno.test("the strictest reader takes every answer to a range query, and it tells all that was asked", () => {
  const options = fc.option(fc.nat(3), { nil: undefined });
  const limits = fc.record({ reply: fc.integer({ min: 31, max: 40 }), answer: fc.constant(1000) });
  fc.assert(
    fc.property(specs, height, height, options, limits, (specs, first, count, options, limits) => {
      const query = {
        type: 263,
        chainHash: chain,
        firstBlock: first,
        numberOfBlocks: Math.max(1, count),
        options,
      } as const;
      const reader = new RangeReader(query);
      const { view } = graphOf(specs);
      const hidden = (slot: number) => view.block(slot) % 7 !== 3;
      for (const reply of answerRange(query, view, hidden, limits)) reader.take(reply);
      assert.ok(reader.isComplete);
      const expected = specs.filter(({ block }) =>
        block >= first && block < first + query.numberOfBlocks && block % 7 !== 3
      ).map((spec) => {
        const { scid, updates: [one, two] } = messagesOf(spec);
        const [age1, age2] = spec.ages.map((age) => age === null ? 0 : now - age);
        const sums = [one, two].map((raw) => raw ? channelUpdateChecksum(raw) : 0);
        return {
          scid,
          ...(options ?? 0) & 1 && { timestamps: [age1, age2] },
          ...(options ?? 0) & 2 && { checksums: sums },
        };
      }).sort((a, b) => a.scid < b.scid ? -1 : 1);
      assert.deepEqual(reader.channels, expected);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a graph that changes while it is told still makes an answer for the strictest reader", () => {
  const query = {
    type: 263,
    chainHash: chain,
    firstBlock: 0,
    numberOfBlocks: 0xffff_ffff,
  } as const;
  const arrival = fc.array(spec, { maxLength: 12 });
  fc.assert(
    fc.property(specs, fc.array(arrival), fc.nat(3), (specs, arrivals, gone) => {
      const graph = graphOf(specs);
      const reader = new RangeReader(query);
      let turn = 0;
      // A channel that may be told at first and may not later is as one that is pruned.
      const mayAnswer = (slot: number) => turn === 0 || graph.view.block(slot) % 4 !== gone;
      for (const reply of answerRange(query, graph.view, mayAnswer, { reply: 31, answer: 1000 })) {
        reader.take(reply);
        for (const each of arrivals[turn++] ?? []) put(graph, each);
      }
      assert.ok(reader.isComplete);
      const told = new Set(reader.channels.map(({ scid }) => scid));
      for (const each of specs) {
        assert.ok(each.block % 4 === gone || told.has(scidOfSpec(each)), "one was passed over");
      }
    }),
  );
});

Deno.test("one answer never tells more than LND takes, and still covers the range", () => {
  const graph = graphOf(Array.from({ length: 90 }, (_, i) => ({
    block: 100 + Math.floor(i / 9),
    index: i % 9,
    ages: [1, 1],
  })));
  const query = { type: 263, chainHash: chain, firstBlock: 90, numberOfBlocks: 50 } as const;
  for (const [reply, answer, told] of [[20, 90, 90], [20, 50, 50], [9, 45, 45], [4, 90, 40]]) {
    const reader = new RangeReader(query);
    for (const each of answerRange(query, graph.view, everything, { reply, answer })) {
      reader.take(each);
    }
    assert.ok(reader.isComplete);
    assert.equal(reader.channels.length, told);
  }
});

Deno.test("a query for no blocks gets an empty answer", () => {
  const query = { type: 263, chainHash: chain, firstBlock: 7, numberOfBlocks: 0 } as const;
  const replies = [...answerRange(query, graphOf([]).view, everything)].map(decodeMessage);
  assert.equal(replies.length, 1);
  const [reply] = replies;
  assert.ok(reply.known && reply.type === 264);
  assert.deepEqual([reply.firstBlock, reply.numberOfBlocks, reply.syncComplete], [7, 0, 1]);
});

Deno.test("who names channels gets what is known of them, as its flags say, each node once, and an end", () => {
  const asked = fc.uniqueArray(fc.tuple(spec, fc.nat(0xffff)), {
    selector: ([spec]) => scidOfSpec(spec),
    maxLength: 40,
  });
  fc.assert(fc.property(specs, asked, fc.boolean(), (specs, strangers, withFlags) => {
    const { view } = graphOf(specs);
    const known = specs.map((spec, i) => [spec, i * 37] as const).filter((_, i) => i % 3 > 0);
    const rows = new Map([...strangers, ...known].map((row) => [scidOfSpec(row[0]), row]));
    const scids = [...rows.keys()].sort((a, b) => a < b ? -1 : 1);
    const flags = withFlags ? scids.map((scid) => rows.get(scid)![1]) : undefined;
    const raw = encodeMessage({ type: 261, chainHash: chain, scids, flags });
    const query = decodeMessage(raw);
    assert.ok(query.known && query.type === 261);
    const answer = [...answerScids(scidQuery(query)!, view)];

    const expected: Uint8Array[] = [];
    const told = new Set<string>();
    for (const [i, scid] of scids.entries()) {
      const spec = specs.find((each) => scidOfSpec(each) === scid);
      if (!spec) continue;
      const wanted = flags ? flags[i] : 31;
      const { announcement, updates, nodes } = messagesOf(spec);
      [announcement, ...updates].forEach((raw, bit) => {
        if (raw && wanted >> bit & 1) expected.push(raw);
      });
      nodes.forEach((id, side) => {
        const number = Array.from({ length: NODES }, (_, i) => nodeId(i).toHex()).indexOf(
          id.toHex(),
        );
        if (!(wanted >> 3 + side & 1) || told.has(id.toHex())) return;
        told.add(id.toHex());
        if (number % 2 === 0) expected.push(unsignedNode({ id, timestamp: now - number }));
      });
    }
    expected.push(encodeMessage({ type: 262, chainHash: chain, fullInformation: 1 }));
    assert.deepEqual(answer.map((bytes) => bytes.toHex()), expected.map((bytes) => bytes.toHex()));
  }));
});

Deno.test("scids that do not strictly ascend make no query", () => {
  for (const scids of [[2n, 1n], [1n, 1n], [1n, 3n, 2n]]) {
    const query = decodeMessage(encodeMessage({ type: 261, chainHash: chain, scids }));
    assert.ok(query.known && query.type === 261);
    assert.equal(scidQuery(query), null);
  }
});

Deno.test("a filter gets what lies in its range: channels by their updates, and before them", () => {
  const instant = fc.oneof(
    fc.integer({ min: now - 1100, max: now + 10 }),
    fc.constantFrom(0, 0xffff_ffff),
  );
  const length = fc.oneof(fc.nat(1200), fc.constant(0xffff_ffff));
  fc.assert(fc.property(specs, instant, length, (specs, firstTimestamp, timestampRange) => {
    const { view } = graphOf(specs);
    const filter = { type: 265, chainHash: chain, firstTimestamp, timestampRange } as const;
    const hidden = (slot: number) => view.block(slot) % 5 !== 1;
    const isWithin = (at: number) => at >= firstTimestamp && at < firstTimestamp + timestampRange;
    const expected: string[] = [];
    const ascending = specs.toSorted((a, b) => scidOfSpec(a) < scidOfSpec(b) ? -1 : 1);
    for (const spec of ascending) {
      const { announcement, updates } = messagesOf(spec);
      const told = updates.filter((raw, i) => raw && isWithin(now - spec.ages[i]!));
      if (told.length === 0 || spec.block % 5 === 1) continue;
      expected.push(announcement.toHex(), ...told.map((raw) => raw!.toHex()));
    }
    const nodes = Array.from({ length: view.nodeCount }, (_, i) => view.nodeAt(i))
      .map((node) => view.nodeAnnouncement(node))
      .filter((raw) => {
        const message = raw && decodeMessage(raw);
        return message?.known && message.type === 257 && isWithin(message.timestamp);
      });
    expected.push(...nodes.map((raw) => raw!.toHex()));
    assert.deepEqual([...answerPast(filter, view, hidden)].map((bytes) => bytes.toHex()), expected);
  }));
});

Deno.test("a filter's range begins with its first second and ends before its last", () => {
  const { view } = graphOf([{ block: 100, index: 0, ages: [10, null] }]);
  const told = (firstTimestamp: number, timestampRange: number) => {
    const filter = { type: 265, chainHash: chain, firstTimestamp, timestampRange } as const;
    return [...answerPast(filter, view, everything)].length;
  };
  assert.deepEqual([told(now - 10, 1), told(now - 11, 1), told(now - 9, 5)], [2, 0, 0]);
});

Deno.test("a filter's answer goes on where it was when the graph changes meanwhile", () => {
  const specs = Array.from({ length: 20 }, (_, i): Spec => ({
    block: 100 + i,
    index: 0,
    ages: [1, null],
  }));
  const graph = graphOf(specs);
  const filter = { type: 265, chainHash: chain, firstTimestamp: 0, timestampRange: 0xffff_ffff };
  const told: bigint[] = [];
  let arrivals = 0;
  for (const raw of answerPast({ ...filter, type: 265 }, graph.view, everything)) {
    const message = decodeMessage(raw);
    if (message.known && message.type === 256) told.push(message.scid);
    if (arrivals < 10) put(graph, { block: 99 - arrivals++, index: 0, ages: [1, 1] });
  }
  assert.deepEqual(told, specs.map(scidOfSpec));
});
