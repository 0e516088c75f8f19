import assert from "node:assert/strict";
import fc from "fast-check";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import { Answerer } from "../../collector/gossip/queries/answerer.ts";
import { GraphSync, type GraphSyncOptions } from "../../collector/gossip/queries/graph_sync.ts";
import { PeerSync } from "../../collector/gossip/queries/peer_sync.ts";
import type { Question } from "../../collector/gossip/queries/question.ts";
import { SentLedger } from "../../collector/gossip/queries/sent_ledger.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { featureBitmap } from "../../shared/bolt/features.ts";
import { decodeMessage, encodeMessage } from "../../shared/bolt/message.ts";
import { messageType } from "../../shared/bolt/message_types.ts";
import type { ReplyChannelRange } from "../../shared/bolt/queries.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { StillClock } from "../support/still_clock.ts";
import {
  nodePair,
  unsignedChannel,
  unsignedNode,
  unsignedUpdate,
} from "../support/fixtures/unsigned_gossip.ts";

const chain = chainHash("regtest");
const ALL = 0xffff_ffff;
const scidAt = (i: number) => scidOf({ block: 100 + (i >> 2), transaction: i & 3, output: 0 });
const nodesOf = (i: number) => nodePair(i % 30, (i + 1) % 30);

/** Gives a message to a graph as a verifier would. */
function take(graph: Graph, raw: Uint8Array): void {
  const message = decodeMessage(raw);
  assert.ok(message.known);
  if (message.type === 258) {
    const pair = graph.view.nodesOf(message.scid);
    graph.accept(raw, "valid", pair?.[message.channelFlags & 1] ?? "");
  } else graph.accept(raw, "valid");
}

function put(graph: Graph, i: number, timestamp: number): void {
  const scid = scidAt(i);
  const nodes = nodesOf(i);
  take(graph, unsignedChannel({ scid, nodes }));
  for (const direction of [0, 1] as const) {
    take(graph, unsignedUpdate({ scid, direction, timestamp }));
  }
  for (const id of nodes) take(graph, unsignedNode({ id, timestamp }));
}

/** A graph with the channels `from` to before `to`. */
function graphWith(clock: StillClock, from: number, to: number, age = 100): Graph {
  const graph = new Graph({ chain, clock });
  for (let i = from; i < to; i++) put(graph, i, clock.seconds - age);
  return graph;
}

/** All messages of a graph, hex, sorted. */
function contents({ view }: Graph): string[] {
  const raws: (Uint8Array | null)[] = [];
  for (let position = 0; position < view.channelCount; position++) {
    const slot = view.at(position);
    raws.push(...[view.announcement(slot), view.update(slot, 0), view.update(slot, 1)]);
  }
  for (let position = 0; position < view.nodeCount; position++) {
    raws.push(view.nodeAnnouncement(view.nodeAt(position)));
  }
  return raws.map((raw) => raw ? raw.toHex() : "").sort();
}

/** A peer that answers from a graph without limits, as long as `answers` is true of the question. */
function peerOf(
  graph: Graph,
  clock: StillClock,
  answers: (question: Question) => boolean = () => true,
) {
  const fast = { burstBytes: 1e12, bytesPerSecond: 1e12 };
  const answerer = new Answerer({
    view: graph.view,
    chain,
    clock,
    ledger: new SentLedger(),
    limits: { peer: fast, total: fast },
  });
  const session = answerer.open();
  return (raw: Uint8Array): Uint8Array[] => {
    const question = decodeMessage(raw) as Question;
    if (!answers(question)) return [];
    session.take(question);
    const all: Uint8Array[] = [];
    for (;;) {
      const { messages, again } = session.pull(clock.now());
      all.push(...messages);
      if (again === null) return all;
    }
  };
}

/** Lets a sync ask a peer until it ends, waiting where the peer says nothing; gives what was asked. */
function run(
  sync: PeerSync,
  peer: (raw: Uint8Array) => Uint8Array[],
  graph: Graph,
  clock: StillClock,
): Uint8Array[] {
  const asked: Uint8Array[] = [];
  let next: Uint8Array | null = sync.first;
  while (sync.end === null) {
    const answer: Uint8Array[] = next ? peer(next) : [];
    if (next) asked.push(next);
    next = null;
    for (const raw of answer) {
      if (messageType(raw) < 260) take(graph, raw);
      next = sync.receive(raw, clock.now()) ?? next;
    }
    if (next === null && sync.end === null) {
      clock.advance((sync.deadline - clock.now()) / 1e6);
      next = sync.tick(clock.now());
    }
  }
  return asked;
}

const types = (messages: readonly Uint8Array[]) => messages.map(messageType);

Deno.test("a graph becomes the union of what it was and what the peer knows", () => {
  const count = fc.nat(1100);
  fc.assert(
    fc.property(count, count, count, fc.boolean(), (first, last, theirs, extended) => {
      const clock = new StillClock();
      const ours = graphWith(clock, Math.min(first, last), Math.max(first, last), 200);
      const peer = graphWith(clock, 0, theirs);
      const sync = new PeerSync({ view: ours.view, chain, extended }, clock.now());
      const asked = run(sync, peerOf(peer, clock), ours, clock);
      assert.deepEqual([sync.end, sync.timeouts], ["complete", 0]);
      assert.deepEqual(types(asked).slice(0, 1), [263]);
      const chunks = asked.slice(1).map(decodeMessage);
      let sum = 0;
      for (const chunk of chunks) {
        assert.ok(chunk.known && chunk.type === 261 && chunk.scids.length > 0);
        sum += chunk.scids.length;
      }
      assert.equal(chunks.length, Math.ceil(sum / 500));

      const union = graphWith(clock, Math.min(first, last), Math.max(first, last), 200);
      for (let i = 0; i < theirs; i++) {
        const isKnown = i >= Math.min(first, last) && i < Math.max(first, last);
        // Without flags and timestamps, channels that are known are left to the gossip that comes anyway.
        if (!isKnown || extended) put(union, i, clock.seconds - 100);
      }
      const channelsOnly = (graph: Graph) => contents(graph).filter((hex) => !/^0101/.test(hex));
      assert.deepEqual(channelsOnly(ours), channelsOnly(union));
    }),
    { numRuns: 8 },
  );
});

Deno.test("a peer that knows nothing new is asked once", () => {
  for (const extended of [false, true]) {
    const clock = new StillClock();
    const ours = graphWith(clock, 0, 50);
    for (const theirs of [graphWith(clock, 0, 0), graphWith(clock, 0, 40, 300)]) {
      const sync = new PeerSync({ view: ours.view, chain, extended }, clock.now());
      assert.deepEqual(types(run(sync, peerOf(theirs, clock), ours, clock)), [263]);
      assert.equal(sync.end, "complete");
    }
  }
});

Deno.test("LDK answers no query for channels: after two time-outs it is left alone", () => {
  const clock = new StillClock();
  const ours = graphWith(clock, 0, 0);
  const theirs = peerOf(graphWith(clock, 0, 1700), clock, ({ type }) => type === 263);
  const sync = new PeerSync({ view: ours.view, chain, extended: false }, clock.now());
  const start = clock.now();
  assert.deepEqual(types(run(sync, theirs, ours, clock)), [263, 261, 261]);
  assert.deepEqual([sync.end, sync.timeouts], ["silent", 2]);
  assert.equal(clock.now() - start, 120e6);
});

Deno.test("a peer that drops one query is asked for the next channels after a time-out", () => {
  const clock = new StillClock();
  const ours = graphWith(clock, 0, 0);
  let queries = 0;
  const theirs = peerOf(graphWith(clock, 0, 1700), clock, () => ++queries !== 3);
  const sync = new PeerSync({ view: ours.view, chain, extended: false }, clock.now());
  assert.deepEqual(types(run(sync, theirs, ours, clock)), [263, 261, 261, 261, 261]);
  assert.deepEqual([sync.end, sync.timeouts], ["complete", 1]);
  assert.equal(ours.counts.channels, 1200);
});

Deno.test("a peer that tells all and forgets to say when is asked on", () => {
  const clock = new StillClock();
  const ours = graphWith(clock, 0, 0);
  const theirs = peerOf(graphWith(clock, 0, 1700), clock);
  const mute = (raw: Uint8Array) => theirs(raw).filter((answer) => messageType(answer) !== 262);
  const sync = new PeerSync({ view: ours.view, chain, extended: false }, clock.now());
  assert.equal(run(sync, mute, ours, clock).length, 5);
  assert.deepEqual([sync.end, sync.timeouts, ours.counts.channels], ["complete", 4, 1700]);
});

Deno.test("of a peer that tells timestamps, only what the graph would take is asked", () => {
  const clock = new StillClock();
  const ours = graphWith(clock, 0, 2, 100);
  const now = clock.seconds;
  const sync = new PeerSync({ view: ours.view, chain, extended: true }, clock.now());
  const old = now - 15 * 86_400, ahead = now + 2 * 86_400;
  const rows: [number, number, number][] = [
    [0, now - 100, now - 99],
    [1, now - 100, now - 101],
    [2, old, 0],
    [3, old, ahead],
    [4, old, now - 500],
    [5, 0, 0],
  ];
  const query = sync.receive(
    reply({
      scids: rows.map(([i]) => scidAt(i)),
      timestamps: rows.map(([, one, two]) => [one, two]),
    }),
    clock.now(),
  );
  const asked = decodeMessage(query!);
  assert.ok(asked.known && asked.type === 261);
  assert.deepEqual(asked.scids, [scidAt(0), scidAt(4)]);
  assert.deepEqual(asked.flags, [4, 31]);
});

Deno.test("a peer that never answers is left after the first time-out", () => {
  const clock = new StillClock();
  const ours = graphWith(clock, 0, 0);
  const sync = new PeerSync({ view: ours.view, chain, extended: true }, clock.now());
  assert.deepEqual(types(run(sync, () => [], ours, clock)), [263]);
  assert.deepEqual([sync.end, sync.timeouts], ["silent", 1]);
});

Deno.test("progress puts a time-out off, but not the same message again or other channels' news", () => {
  const clock = new StillClock();
  const ours = graphWith(clock, 0, 0);
  const sync = new PeerSync({ view: ours.view, chain, extended: false }, clock.now());
  for (const raw of peerOf(graphWith(clock, 0, 600), clock)(sync.first)) {
    assert.ok(sync.receive(raw, clock.now()));
  }
  const start = clock.now();
  const channel = (i: number) => unsignedChannel({ scid: scidAt(i), nodes: nodesOf(i) });
  clock.advance(30);
  sync.receive(channel(550), clock.now());
  assert.equal(sync.deadline, start + 60e6, "not of this chunk");
  sync.receive(channel(7), clock.now());
  assert.equal(sync.deadline, start + 90e6);
  clock.advance(10);
  sync.receive(channel(7), clock.now());
  assert.equal(sync.deadline, start + 90e6, "not again");
  sync.receive(unsignedUpdate({ scid: scidAt(7), direction: 0, timestamp: 5 }), clock.now());
  assert.equal(sync.deadline, start + 100e6);
  assert.equal(sync.tick(clock.now()), null);
  clock.advance(60);
  assert.equal(messageType(sync.tick(clock.now())!), 261);
  assert.equal(sync.end, null);
  clock.advance(5);
  sync.receive(channel(507), clock.now());
  assert.equal(sync.deadline, clock.now() + 60e6, "the second chunk's eighth");
});

Deno.test("a peer that drips for ever is left after an hour", () => {
  const clock = new StillClock();
  const ours = graphWith(clock, 0, 0);
  const sync = new PeerSync({ view: ours.view, chain, extended: false }, clock.now());
  for (let block = 0; block < 200 && sync.end === null; block++) {
    sync.receive(reply({ firstBlock: block, numberOfBlocks: 1, syncComplete: 0 }), clock.now());
    clock.advance(50);
    sync.tick(clock.now());
  }
  assert.equal(sync.end, "slow");
});

/** A reply_channel_range. */
function reply(fields: Partial<ReplyChannelRange>): Uint8Array {
  return encodeMessage({
    type: 264,
    chainHash: chain,
    firstBlock: 0,
    numberOfBlocks: ALL,
    syncComplete: 1,
    scids: [],
    ...fields,
  });
}

/** How a sync ends, or that it goes on, with these replies. */
function endOf(...replies: Uint8Array[]) {
  const clock = new StillClock();
  const { view } = graphWith(clock, 0, 0);
  const sync = new PeerSync({ view, chain, extended: false }, clock.now());
  for (const raw of replies) sync.receive(raw, clock.now());
  return sync.end ?? (sync.wanted > 0 ? sync.wanted : "goes on");
}

Deno.test("replies that no honest peer sends end the sync", () => {
  const part = (firstBlock: number, scids: bigint[] = []) =>
    reply({ firstBlock, numberOfBlocks: 10, syncComplete: 0, scids });
  const at = (block: number) => scidOf({ block, transaction: 0, output: 0 });
  assert.equal(endOf(reply({ chainHash: chainHash("signet") })), "foreign");
  assert.equal(endOf(...Array.from({ length: 501 }, () => part(5))), "endless");
  const many = (from: number) =>
    reply({ syncComplete: 0, scids: Array.from({ length: 8000 }, (_, i) => at(from + i)) });
  assert.equal(endOf(...Array.from({ length: 13 }, (_, i) => many(i * 8000))), "endless");
  const zlib = Uint8Array.fromHex(`0108${chain.toHex()}00000000ffffffff01000901789c030000000001`);
  assert.equal(endOf(zlib), "malformed");
});

/** The scids of what is asked for after these replies, hex. */
function askedAfter(replies: readonly string[], extended: boolean) {
  const clock = new StillClock();
  const { view } = graphWith(clock, 0, 0);
  const sync = new PeerSync({ view, chain, extended }, clock.now());
  const asked = replies.map((hex) => sync.receive(Uint8Array.fromHex(hex), clock.now()));
  assert.ok(asked.slice(0, -1).every((raw) => raw === null), "only the last reply is the end");
  const query = decodeMessage(asked.at(-1)!);
  assert.ok(query.known && query.type === 261);
  return { query, named: sync.named! };
}

Deno.test("Core Lightning's replies, in the order of its store, are all taken and asked for in order", () => {
  for (const extended of [false, true]) {
    const name = `cln_replies_unordered${extended ? "_timestamps" : ""}.hex`;
    const lines = Deno.readTextFileSync(new URL(`../vectors/${name}`, import.meta.url));
    const replies = lines.trim().split("\n");
    const { query, named } = askedAfter(replies, false);
    assert.equal(named.length, 60);
    assert.deepEqual(query.scids, [...named].sort((a, b) => a < b ? -1 : 1));
    // The same twice over: what is named again is not asked for again.
    const first = replies.slice(0, -1);
    assert.deepEqual(askedAfter([...first, ...replies], false).query.scids, query.scids);
  }
});

Deno.test("a range that wraps is never the end, whatever it adds up to", () => {
  const wrapping = reply({ firstBlock: 700_054, numberOfBlocks: ALL - 19, syncComplete: 0 });
  assert.equal(endOf(wrapping), "goes on");
  assert.equal(endOf(wrapping, reply({ firstBlock: 5, numberOfBlocks: 1 })), "complete");
});

Deno.test("the replies of LDK, of LND as it was, and of one that does not know the chain are understood", () => {
  const at = (block: number) => scidOf({ block, transaction: 0, output: 0 });
  // LDK: a reply reaches up to the block of its last channel, so here the first one covers nothing.
  assert.equal(
    endOf(
      reply({ numberOfBlocks: 0, syncComplete: 0, scids: [at(0)] }),
      reply({ numberOfBlocks: 700, syncComplete: 0, scids: [at(1), at(700)] }),
      reply({ firstBlock: 700, numberOfBlocks: ALL - 700, scids: [at(701)] }),
    ),
    4,
  );
  const old = (scid: bigint, syncComplete: number) => reply({ scids: [scid], syncComplete });
  assert.equal(endOf(old(at(1), 0)), 1);
  assert.equal(endOf(old(at(1), 0), old(at(2), 0), old(at(3), 1), old(at(9), 1)), 3);
  assert.equal(endOf(reply({ syncComplete: 0 })), "complete");
  assert.equal(
    endOf(reply({ firstBlock: 5, numberOfBlocks: ALL, syncComplete: 0, scids: [at(6)] })),
    1,
    "what covers the end is the end",
  );
});

Deno.test("whatever a peer sends, a sync goes on or ends; it never throws", () => {
  const message = fc.oneof(
    fc.uint8Array({ minLength: 2, maxLength: 100 }),
    fc.tuple(fc.constantFrom(256, 258, 262, 264), fc.uint8Array({ maxLength: 400 }))
      .map(([type, rest]) => Uint8Array.of(type >> 8, type & 255, ...rest)),
    fc.record({
      firstBlock: fc.nat(ALL),
      numberOfBlocks: fc.nat(ALL),
      syncComplete: fc.nat(255),
      scids: fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { maxLength: 5 }),
    }).map(reply),
    fc.constant(reply({ scids: [1n, 5n], syncComplete: 1 })),
  );
  fc.assert(fc.property(fc.array(message, { maxLength: 20 }), fc.boolean(), (raws, extended) => {
    const clock = new StillClock();
    const { view } = graphWith(clock, 0, 3);
    const sync = new PeerSync({ view, chain, extended }, clock.now());
    for (const raw of raws) {
      sync.receive(raw, clock.now());
      clock.advance(20);
      sync.tick(clock.now());
    }
  }));
});

const QUERIES = featureBitmap([7]);
const EXTENDED = featureBitmap([7, 11]);

/** A sync of the whole collector, with what it sent. */
function setUp(options: Partial<GraphSyncOptions> = {}) {
  const clock = new StillClock();
  const graph = graphWith(clock, 0, 0);
  const sent: [session: number, raw: Uint8Array][] = [];
  const ledger = new SentLedger();
  const sync = new GraphSync({
    view: graph.view,
    chain,
    clock,
    ledger,
    send: (session, raw) => sent.push([session, raw]),
    ...options,
  });
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1);
      sync.tick();
    }
  };
  return { clock, graph, sent, ledger, sync, pass };
}

Deno.test("a few peers are asked, one after another; the second only for what the first did not know", () => {
  const asked: [session: number, until: number][] = [];
  const { clock, graph, sent, ledger, sync, pass } = setUp({
    peers: 2,
    roundSeconds: 3600,
    onAsked: (session, until) => asked.push([session, until]),
  });
  sync.opened(0, featureBitmap([1]));
  sync.opened(1, EXTENDED);
  sync.opened(2, QUERIES);
  sync.opened(3, QUERIES);
  const peers = [null, graphWith(clock, 0, 300), graphWith(clock, 200, 400), graphWith(clock, 0, 9)]
    .map((theirs) => theirs && peerOf(theirs, clock));
  const answerAll = () => {
    for (let i = 0; i < sent.length; i++) {
      const [session, raw] = sent[i];
      for (const answer of peers[session]!(raw)) {
        if (messageType(answer) < 260) take(graph, answer);
        sync.receive(session, answer);
        sync.receive(session + 1, answer);
      }
    }
    return sent.splice(0).map(([session, raw]) => {
      const message = decodeMessage(raw);
      const scids = message.known && message.type === 261 ? message.scids.length : 0;
      return `${session} ${message.type} ${scids}`;
    });
  };
  pass(1);
  assert.equal(sync.asking, 1);
  assert.deepEqual(answerAll(), ["1 263 0", "1 261 300"]);
  assert.equal(sync.asking, null);
  assert.deepEqual(asked.splice(0), [[1, Infinity], [1, clock.now() + 60_000_000]]);
  pass(29);
  assert.deepEqual(answerAll(), [], "a pause");
  pass(2);
  assert.deepEqual(answerAll(), ["2 263 0", "2 261 100"]);
  assert.equal(graph.counts.channels, 400);
  assert.deepEqual(asked.splice(0).map(([session]) => session), [2, 2]);
  pass(3598);
  assert.deepEqual(answerAll(), [], "the round is at its end");
  pass(3);
  assert.deepEqual(answerAll(), ["1 263 0"], "nothing new, so one query");
  assert.deepEqual(asked, [], "which brings no gossip");
  assert.deepEqual(sync.counts, { rounds: 1, ends: { complete: 3 }, wanted: 400, timeouts: 0 });
  assert.deepEqual(ledger.entries().map(({ reason, type, messages }) => [reason, type, messages]), [
    ["own_query", "query_short_channel_ids", 2],
    ["own_query", "query_channel_range", 3],
  ]);
});

Deno.test("a peer whose answer is faulty, that closes or stays silent is passed over", () => {
  const { sent, sync, pass } = setUp();
  for (const session of [1, 2, 3]) sync.opened(session, QUERIES);
  pass(1);
  sync.receive(1, reply({ chainHash: chainHash("signet") }));
  assert.equal(sync.asking, null);
  pass(31);
  assert.equal(sync.asking, 2);
  sync.closed(2);
  assert.equal(sync.asking, null);
  pass(31);
  assert.equal(sync.asking, 3);
  pass(91);
  assert.equal(sync.asking, null);
  assert.deepEqual(sync.counts.ends, { foreign: 1, closed: 1, silent: 1 });
  pass(3000);
  assert.deepEqual(sent.map(([session]) => session), [1, 2, 3], "each once a round");
  sync.opened(4, QUERIES);
  pass(1);
  assert.equal(sync.asking, 4);
  sync.closed(4);
  pass(6 * 3600 + 130);
  assert.deepEqual(
    sent.map(([session]) => session).slice(4),
    [1, 3],
    "a new round without the old one's end",
  );
});

Deno.test("a session that ends while it is written to ends its sync", () => {
  const clock = new StillClock();
  const { view } = graphWith(clock, 0, 0);
  let open = true;
  const sync: GraphSync = new GraphSync({
    view,
    chain,
    clock,
    ledger: new SentLedger(),
    send: (session) => {
      if (!open) sync.closed(session);
    },
  });
  sync.opened(1, QUERIES);
  sync.tick();
  open = false;
  sync.receive(1, reply({ scids: [5n] }));
  assert.equal(sync.asking, null);
  assert.deepEqual(sync.counts.ends, { closed: 1 });
});

Deno.test("while a peer sends its whole graph no peer is asked, for at most twenty minutes", () => {
  const { graph, sent, sync, pass } = setUp();
  const announcement = unsignedChannel({ scid: scidAt(0), nodes: nodesOf(0) });
  sync.opened(1, QUERIES, true);
  sync.opened(2, QUERIES);
  const dump = (seconds: number) => {
    for (let i = 0; i < seconds; i += 60) {
      pass(60);
      sync.receive(1, announcement);
    }
  };
  dump(600);
  assert.deepEqual(sent, [], "it would send all twice");
  pass(74);
  assert.deepEqual(sent, []);
  pass(2);
  assert.equal(sync.asking, 1, "it is quiet");
  assert.equal(graph.counts.channels, 0);

  const endless = setUp();
  endless.sync.opened(1, QUERIES, true);
  for (let i = 0; i < 1199; i++) {
    endless.pass(1);
    endless.sync.receive(1, announcement);
  }
  assert.equal(endless.sync.asking, null);
  endless.pass(1);
  assert.equal(endless.sync.asking, 1);
});

Deno.test("dumps that follow one another do not keep other peers from being asked for ever", () => {
  const { sync, pass } = setUp();
  sync.opened(0, QUERIES);
  for (let session = 1; sync.asking === null && session < 100; session++) {
    sync.opened(session, QUERIES, true);
    pass(60);
    sync.closed(session);
    sync.opened(session + 1, QUERIES, true);
  }
  assert.equal(sync.asking, 0);
});

Deno.test("a list of channels is reported once it is complete, with when it was asked for", () => {
  const lists: [readonly bigint[], number][] = [];
  const { clock, sync, pass } = setUp({ onNamed: (...list) => lists.push(list) });
  sync.opened(1, QUERIES);
  pass(1);
  const askedAt = clock.now();
  sync.receive(1, reply({ scids: [9n], numberOfBlocks: 7, syncComplete: 0 }));
  pass(5);
  assert.deepEqual(lists, []);
  sync.receive(1, reply({ scids: [5n, 9n], firstBlock: 2 }));
  pass(5);
  assert.deepEqual(lists, [[[9n, 5n], askedAt]]);
});
