import assert from "node:assert/strict";
import fc from "fast-check";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import type {
  AnswerLimits,
  AnswerPolicy,
  Question,
} from "../../collector/gossip/queries/question.ts";
import { Answerer, type PeerAnswers } from "../../collector/gossip/queries/answerer.ts";
import { SentLedger } from "../../collector/gossip/queries/sent_ledger.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { decodeMessage, encodeMessage, type MessageFields } from "../../shared/bolt/message.ts";
import { messageType } from "../../shared/bolt/message_types.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { RangeReader } from "../support/fixtures/range_reader.ts";
import { StillClock } from "../support/still_clock.ts";
import {
  nodePair,
  unsignedChannel,
  unsignedNode,
  unsignedUpdate,
} from "../support/fixtures/unsigned_gossip.ts";

const chain = chainHash("regtest");
const foreign = chainHash("signet");
const CHANNELS = 300;

const scidAt = (i: number) => scidOf({ block: 100 + i, transaction: 1, output: 0 });

function put(graph: Graph, i: number, timestamp: number, disabled = false): void {
  const scid = scidAt(i);
  const nodes = nodePair(i % 20, (i + 1) % 20);
  graph.accept(unsignedChannel({ scid, nodes }), "valid");
  for (const direction of [0, 1] as const) {
    const update = unsignedUpdate({ scid, direction, timestamp, disabled });
    graph.accept(update, "valid", nodes[direction].toHex());
  }
  for (const id of nodes) graph.accept(unsignedNode({ id, timestamp }), "valid");
}

/** A graph, what answers from it, and the time. */
function setUp(options: { limits?: Partial<AnswerLimits>; policy?: Partial<AnswerPolicy> } = {}) {
  const clock = new StillClock();
  const graph = new Graph({ chain, clock });
  for (let i = 0; i < CHANNELS; i++) put(graph, i, clock.seconds - 50);
  const ledger = new SentLedger();
  clock.advance(61);
  const answerer = new Answerer({ view: graph.view, chain, clock, ledger, ...options });
  return { clock, graph, ledger, answerer };
}

function question(fields: MessageFields): Question {
  return decodeMessage(encodeMessage(fields)) as Question;
}

const range = (options?: number, chainHash = chain) =>
  question({ type: 263, chainHash, firstBlock: 0, numberOfBlocks: 1e6, options });
const scids = (indices: number[], chainHash = chain) =>
  question({ type: 261, chainHash, scids: indices.map(scidAt) });
const filter = (firstTimestamp: number, chainHash = chain) =>
  question({ type: 265, chainHash, firstTimestamp, timestampRange: 0xffff_ffff });

/** All that comes, waiting as told. */
function drain(answers: PeerAnswers, clock: StillClock): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (;;) {
    const { messages, again } = answers.pull(clock.now());
    all.push(...messages);
    if (again === null) return all;
    clock.advance((again - clock.now()) / 1_000_000);
  }
}

const types = (messages: readonly Uint8Array[]) => messages.map(messageType);
const count = (messages: readonly Uint8Array[], type: number) =>
  types(messages).filter((each) => each === type).length;

Deno.test("one query is answered at a time, one may wait, and what is more is dropped and counted", () => {
  const { clock, answerer } = setUp();
  using answers = answerer.open();
  assert.deepEqual(answers.pull(clock.now()), { messages: [], again: null });
  const asked = [range(), scids([1, 2]), scids([3]), range()];
  assert.deepEqual(asked.map((each) => answers.take(each)), [
    "answering",
    "waiting",
    "dropped",
    "dropped",
  ]);
  const first = drain(answers, clock);
  assert.deepEqual(types(first), [264, 256, 258, 258, 257, 257, 256, 258, 258, 257, 262]);
  assert.equal(answers.take(scids([3])), "answering");
  assert.equal(count(drain(answers, clock), 256), 1);
  const { answering, waiting, dropped } = answerer.counts;
  assert.deepEqual([answering, waiting, dropped], [2, 1, 2]);
});

Deno.test("the past comes when no query is there, and goes on behind it", () => {
  const { clock, answerer } = setUp();
  using answers = answerer.open();
  answers.take(filter(0));
  const begun = answers.pull(clock.now()).messages;
  answers.take(scids([7]));
  const rest = drain(answers, clock);
  assert.deepEqual(types(rest).slice(0, 6), [256, 258, 258, 257, 257, 262]);
  assert.equal(count(begun, 256) + count(rest, 256), CHANNELS + 1);
  assert.equal(count(begun, 257) + count(rest, 257), 20 + 2);
});

Deno.test("a filter takes the place of the one before", () => {
  const { clock, graph, answerer } = setUp();
  using answers = answerer.open();
  answers.take(filter(0));
  answers.pull(clock.now());
  put(graph, CHANNELS, clock.seconds);
  clock.advance(60);
  answers.take(filter(clock.seconds - 60));
  assert.deepEqual(types(drain(answers, clock)), [256, 258, 258, 257, 257]);
});

Deno.test("each peer gets its burst, then its rate, and pongs need not wait behind more than a pull", () => {
  const peer = { burstBytes: 60_000, bytesPerSecond: 5_000 };
  const { clock, answerer } = setUp({ limits: { peer, filterBytes: 1000 } });
  using answers = answerer.open();
  const start = clock.now();
  answers.take(filter(0));
  let bytes = 1000;
  for (;;) {
    const { messages, again } = answers.pull(clock.now());
    const sizes = messages.map((raw) => raw.length);
    const sum = sizes.reduce((a, b) => a + b, 0);
    assert.ok(sum <= 32 * 1024 + 1000, `${sum} bytes in one pull`);
    bytes += sum;
    const allowed = peer.burstBytes + (clock.now() - start) / 1e6 * peer.bytesPerSecond;
    assert.ok(bytes <= allowed + 1000, `${bytes} after ${clock.now() - start} µs`);
    if (again === null) break;
    clock.advance((again - clock.now()) / 1_000_000);
  }
  assert.ok(clock.now() - start > (bytes - 62_000) / peer.bytesPerSecond * 1e6, "it took its time");
  assert.ok(bytes > 200_000);
});

Deno.test("a flood of filters that match nothing scans the graph a few times, then at a rate for all peers", () => {
  const { clock, graph, answerer } = setUp();
  const { view } = graph;
  let scans = 0;
  const lowerBound = view.lowerBound.bind(view);
  view.lowerBound = (scid) => {
    scans++;
    return lowerBound(scid);
  };
  const flood = (peers: number) => {
    scans = 0;
    for (let peer = 0; peer < peers; peer++) {
      using answers = answerer.open();
      for (let i = 0; i < 60; i++) {
        assert.equal(answers.take(filter(clock.seconds + 1000)), "answering");
        assert.deepEqual(answers.pull(clock.now()).messages, []);
      }
    }
    return scans;
  };
  assert.equal(flood(1), 16);
  assert.equal(flood(20), 128 - 16);
  clock.advance(1);
  assert.equal(flood(20), 16);
});

Deno.test("all peers share a rate, and who finds it used up does not ask again at once", () => {
  const total = { burstBytes: 50_000, bytesPerSecond: 10_000 };
  const { clock, answerer } = setUp({ limits: { total, filterBytes: 0 } });
  using one = answerer.open();
  using two = answerer.open();
  for (const each of [one, two]) each.take(filter(0));
  const sizes = [one, one, two, two].map((each) => {
    const { messages, again } = each.pull(clock.now());
    return { bytes: messages.reduce((sum, raw) => sum + raw.length, 0), again };
  });
  const sum = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(sum > 50_000 && sum < 51_000, String(sum));
  assert.equal(sizes[3].bytes, 0);
  assert.ok(sizes[3].again! >= clock.now() + 250_000);
  clock.advance(10);
  assert.ok(two.pull(clock.now()).messages.length > 0);
});

Deno.test("a chain that is not ours is owed an end, and a filter of it nothing", () => {
  const { clock, answerer } = setUp();
  using answers = answerer.open();
  answers.take(range(3, foreign));
  answers.take(scids([5, 4, 3], foreign));
  assert.equal(answers.take(filter(0, foreign)), "foreign");
  const [reply, end, ...rest] = drain(answers, clock).map(decodeMessage);
  assert.ok(reply.known && reply.type === 264 && end.known && end.type === 262);
  assert.deepEqual([reply.chainHash, end.chainHash], [foreign, foreign]);
  const { firstBlock, numberOfBlocks, syncComplete, scids: none } = reply;
  assert.deepEqual([firstBlock, numberOfBlocks, syncComplete, none], [0, 1e6, 0, []]);
  assert.equal(end.fullInformation, 0);
  assert.deepEqual(rest, []);
});

Deno.test("unsorted scids get no answer, and an empty list gets its end", () => {
  const { clock, answerer } = setUp();
  using answers = answerer.open();
  assert.equal(answers.take(scids([2, 1])), "unsorted");
  assert.equal(answers.take(scids([])), "answering");
  assert.deepEqual(types(drain(answers, clock)), [262]);
});

Deno.test("an answer names no more channels than it may, and says that it is at its end", () => {
  const { clock, answerer } = setUp({ limits: { answerChannels: 7 } });
  using answers = answerer.open();
  answers.take(range());
  const [reply, ...more] = drain(answers, clock).map((raw) => decodeMessage(raw));
  assert.ok(reply.known && reply.type === 264);
  assert.deepEqual(reply.scids, Array.from({ length: 7 }, (_, i) => scidAt(i)));
  assert.equal(reply.syncComplete, 1);
  assert.deepEqual(more, []);
});

Deno.test("config may refuse the past; queries are answered all the same", () => {
  const { clock, answerer } = setUp({ policy: { past: false } });
  using answers = answerer.open();
  assert.equal(answers.take(filter(0)), "refused");
  assert.deepEqual(drain(answers, clock), []);
  answers.take(range());
  assert.equal(count(drain(answers, clock), 264), 1);
});

Deno.test("channels that may be closing, and such without updates, are told only to who names them", () => {
  for (const disabledChannels of [false, true]) {
    const { clock, graph, answerer } = setUp({ policy: { disabledChannels } });
    put(graph, CHANNELS, clock.seconds, true);
    const timestamp = clock.seconds;
    clock.advance(61);
    const lonely = unsignedChannel({ scid: scidAt(CHANNELS + 1), nodes: nodePair(1, 2) });
    graph.accept(lonely, "valid");
    using answers = answerer.open();
    const query = range(3);
    answers.take(query);
    assert.ok(query.type === 263);
    const reader = new RangeReader(query);
    for (const raw of drain(answers, clock)) reader.take(raw);
    assert.equal(reader.channels.length, CHANNELS + (disabledChannels ? 1 : 0));
    answers.take(filter(timestamp));
    assert.equal(count(drain(answers, clock), 256), disabledChannels ? 1 : 0);
    answers.take(scids([CHANNELS, CHANNELS + 1]));
    assert.deepEqual(types(drain(answers, clock)), [256, 258, 258, 257, 257, 256, 257, 262]);
  }
});

Deno.test("queries of all peers together take bounded memory, given back at their end or the session's", () => {
  const { clock, answerer } = setUp({ limits: { memoryBytes: 100_000 } });
  const many = scids(Array.from({ length: 4000 }, (_, i) => i));
  const one = answerer.open(), two = answerer.open(), three = answerer.open();
  assert.deepEqual([one, two, three].map((each) => each.take(many)), [
    "answering",
    "answering",
    "dropped",
  ]);
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  assert.deepEqual(one.pull(clock.now()), { messages: [], again: null });
  assert.equal(three.take(many), "answering");
  for (const each of [two, three]) drain(each, clock);
  assert.equal(answerer.memoryBytes, 0);
  assert.equal(one.take(many), "answering");
  one[Symbol.dispose]();
});

Deno.test("whatever peers ask and the graph learns, gossip goes only to who asked, and all is in the ledger", () => {
  const step = fc.oneof(
    fc.record({ peer: fc.nat(2), asks: fc.constantFrom("range", "scids", "filter") }),
    fc.record({ learns: fc.nat(40) }),
    fc.record({ passes: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { clock, graph, ledger, answerer } = setUp({
        limits: { peer: { burstBytes: 40_000, bytesPerSecond: 10_000 } },
      });
      const peers = [0, 1, 2].map(() => ({ answers: answerer.open(), asked: new Set<string>() }));
      const sent = new Map<number, { messages: number; bytes: number }>();
      for (const step of steps) {
        if ("asks" in step) {
          const { answers, asked } = peers[step.peer];
          const asks = { range: range(1), scids: scids([1, 5, 9]), filter: filter(0) };
          answers.take(asks[step.asks as keyof typeof asks]);
          asked.add(step.asks);
        } else if ("learns" in step) put(graph, CHANNELS + step.learns, clock.seconds - 1);
        else clock.advance(step.passes);
        for (const { answers, asked } of peers) {
          for (const raw of answers.pull(clock.now()).messages) {
            const type = messageType(raw);
            const why = type === 264 ? ["range"] : type === 262 ? ["scids"] : ["scids", "filter"];
            assert.ok(why.some((each) => asked.has(each)), `${type} without a question`);
            const sum = sent.get(type) ?? { messages: 0, bytes: 0 };
            sum.messages++;
            sum.bytes += raw.length;
            sent.set(type, sum);
          }
        }
      }
      const counted = new Map<number, { messages: number; bytes: number }>();
      const numbers: Record<string, number> = {
        channel_announcement: 256,
        node_announcement: 257,
        channel_update: 258,
        reply_short_channel_ids_end: 262,
        reply_channel_range: 264,
      };
      for (const { type, messages, bytes } of ledger.entries()) {
        const sum = counted.get(numbers[type]) ?? { messages: 0, bytes: 0 };
        sum.messages += messages;
        sum.bytes += bytes;
        counted.set(numbers[type], sum);
      }
      assert.deepEqual(counted, sent);
    }),
    { numRuns: 30 },
  );
});

Deno.test("the past is what came a minute before the question: no news, in whatever second they come", () => {
  const { clock, graph, answerer } = setUp();
  const nodes = nodePair(0, 1);
  using answers = answerer.open();
  const update = (direction: 0 | 1, feeBaseMsat: number) => {
    const timestamp = clock.seconds;
    const raw = unsignedUpdate({ scid: scidAt(0), direction, timestamp, feeBaseMsat });
    assert.equal(graph.accept(raw, "valid", nodes[direction].toHex()), "replaced");
    return raw.toHex();
  };
  const asked = clock.seconds - 10;
  const past = update(0, 1);
  const announced = unsignedNode({ id: nodes[0], timestamp: clock.seconds });
  graph.accept(announced, "valid");
  clock.advance(60);
  update(1, 2);
  put(graph, CHANNELS + 5, clock.seconds);
  answers.take(filter(asked));
  // While the answer is under way, and in the same second.
  put(graph, CHANNELS + 7, clock.seconds);
  const sent = drain(answers, clock).map((raw) => raw.toHex());
  assert.deepEqual(sent.filter((hex) => hex.startsWith("0102")), [past]);
  assert.deepEqual(sent.filter((hex) => hex.startsWith("0101")), [announced.toHex()]);
  assert.equal(sent.length, 3, "with the channel's announcement");
});

Deno.test("answers name only channels that a peer named, and wait while they are held back", () => {
  const { clock, graph, answerer } = setUp();
  const restored = new Graph({ chain, clock });
  for (let position = 0; position < 10; position++) {
    const slot = graph.view.at(position);
    restored.restore(graph.view.announcement(slot), 1);
    for (const direction of [0, 1] as const) {
      restored.restore(graph.view.update(slot, direction)!, 0);
    }
  }
  assert.equal(restored.counts.updates, 20);
  const again = new Answerer({ view: restored.view, chain, clock, ledger: answerer.ledger });
  using answers = again.open();
  const named = () => {
    answers.take(range());
    const [reply] = drain(answers, clock).map(decodeMessage);
    assert.ok(reply.known && reply.type === 264);
    answers.take(scids([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    assert.equal(count(drain(answers, clock), 256), reply.scids.length, "by scid neither");
    answers.take(filter(0));
    assert.equal(count(drain(answers, clock), 256), reply.scids.length, "nor by a filter");
    return reply.scids;
  };
  assert.deepEqual(named(), [], "what an earlier run knew may be closed");
  restored.named([scidAt(3), scidAt(4), scidAt(999)]);
  const newer = unsignedUpdate({ scid: scidAt(5), direction: 1, timestamp: clock.seconds });
  restored.accept(newer, "valid", nodePair(5, 6)[1].toHex());
  assert.deepEqual(named(), [3, 4, 5].map(scidAt));
  clock.advance(100);
  again.namedSince = clock.seconds;
  restored.named([scidAt(4), scidAt(7)]);
  assert.deepEqual(named(), [4, 7].map(scidAt), "a list without it ends that");

  again.heldUntil = clock.now() + 600_000_000;
  answers.take(range());
  assert.deepEqual(answers.pull(clock.now()), { messages: [], again: clock.now() + 1_000_000 });
  again.heldUntil = 0;
  assert.equal(answers.pull(clock.now()).messages.length, 1);
});
