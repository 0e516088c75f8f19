/**
 * What peers may do to a collector, each with its limit, its counter and its test. Those without a file are here, among
 * honest peers who must lose nothing by it. Metrics have the counters' names.
 *
 * | abuse | limit | counter | test |
 * |---|---|---|---|
 * | a slow handshake | `peers.handshake_timeout`, `init_timeout` | `dial_outcomes` timed_out, no_init | a peer that never answers; `noise_connection_test.ts` |
 * | many handshakes at once | `peers.max_pending` | `peers_pending` | `collector_manager_test.ts` |
 * | forged, malformed gossip | 1,000 in ten minutes (`peer_limits.ts`) | `verdicts`, `misbehaved` bad_gossip | 100,000 forged announcements; of random bytes; the same forged announcement |
 * | more than can be verified | queue of 64 MiB, 32 a peer, in turn | `verdicts` unchecked, `verify_queue` | `collector_verifier_test.ts`, `intake_test.ts`, `fair_queue_test.ts` |
 * | updates without a channel | 65,536, 16,384 a peer; texts: `text_quotas.ts` | `orphans`, `withheld_messages` unknown_channel | `orphans_test.ts`, `text_quotas_test.ts` |
 * | spam updates | texts a channel and direction, a node, a peer, in all | `withheld_messages` spam, peer, total | a flood of updates of one channel; `intake_test.ts`, `text_quotas_test.ts` |
 * | spam in the graph | ten, then one a minute, a direction or node | `graph_messages` spam | `graph_accept_test.ts` |
 * | channels without funding | 4,096 a peer that no other brings, unless it was asked for them; when the graph is full, who has most of them makes room | `graph_messages` source_full, conflicting | signed channels that one peer alone brings; `graph_unconfirmed_test.ts` |
 * | 64 KB of extra data | a text counts for each KiB; 4 KiB in the graph | `withheld_messages`, `graph_messages` too_long | the longest message; `text_quotas_test.ts`, `graph_accept_test.ts` |
 * | proposed types | 256 KiB a peer, 4 MiB in all, then a trickle | `withheld_messages` proposed | a flood of proposed gossip; `text_quotas_test.ts` |
 * | unknown and custom types, any flood beside gossip | 16 MiB in ten minutes | `control_messages` unknown, `misbehaved` beside_flood | a flood of messages of an unknown type; `conduct_test.ts` |
 * | anything at full speed, repeats too | 256 MiB in ten minutes; 32 KiB a turn | `misbehaved` read_flood | `session_test.ts`, `conduct_test.ts` |
 * | pings | 448 KiB of pongs a minute | `control_messages` pings, `misbehaved` ping_flood | a flood of pings; `conduct_test.ts` |
 * | queries | one at work and one waiting a peer, 60 a minute, bytes a second a peer and in all, of which a filter takes 64 KiB, 16 MiB of memory | `questions` dropped, `control_messages` unanswered | `session_test.ts`, `graph_answerer_test.ts`, `byte_bucket_test.ts` |
 * | endless or crossing replies (264) | 500 replies, 100,000 scids, an hour | `sync_ends` endless, slow; the session goes on | `graph_sync_test.ts`, `range_replies_test.ts` |
 * | compressed lists | never inflated | `sync_ends` malformed, `control_messages` unanswered | `message_test.ts`, `graph_sync_test.ts` |
 * | warnings | five logged an hour, escaped | `control_messages` complaints | `session_test.ts`, `conduct_test.ts` |
 * | reading slowly | 512 KiB of what we sent, then the end | `misbehaved` not_reading | `session_test.ts`, `noise_connection_test.ts` |
 * | pongs that nobody asked for | no sign of life | | `session_test.ts` |
 * | broken frames, short messages | the first ends the session | `misbehaved` broken_frame, undecodable | a frame that does not decrypt; a message too short |
 * | addresses under other nodes' keys | dropped, or at the third silent close left alone for a day | `peer_ends` wrong_key, unanswered | `dial_outcomes_test.ts`, `backoff_test.ts` |
 * | private addresses in gossip and DNS | never dialled unless opened | `addresses_refused` | `public_address_test.ts`, `address_book_test.ts`, `addresses_connect_test.ts` |
 * | any number of nodes on one host | 64 addresses that the peer file does not name, 10 s between dials | `addresses_refused` crowded | `address_book_test.ts`, `hosts_test.ts` |
 * | hostile aliases, names, reasons | escaped where they are shown | | `text_test.ts`, `session_test.ts`, `query_report_test.ts` |
 */
import assert from "node:assert/strict";
import type { NodeAddress } from "../../collector/addresses/endpoint.ts";
import { Graph } from "../../collector/gossip/graph/graph.ts";
import { GossipService } from "../../collector/gossip/service.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { type Misbehaviour, MISBEHAVIOURS } from "../../collector/peer/peer_limits.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { messageType } from "../../shared/bolt/message_types.ts";
import { PeerManager } from "../../collector/peer/manager.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../../shared/random.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { loopbackBook, loopbackPolicy } from "../support/fixtures/dialling.ts";
import { Recorded } from "../support/fixtures/recorded.ts";
import { lightning, type Script, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { channelAnnouncement, signedGraph, testKey } from "../support/fixtures/signed_gossip.ts";
import { until } from "../support/until.ts";
import { initMessage, Wire } from "../support/fixtures/wire.ts";

const graph = signedGraph({ nodes: 4, channels: 6, timestamp: 1_758_844_000 });
/** So many times each honest peer tells the graph. */
const ROUNDS = 20;
/** Honest peers keep it on a busy machine, too. */
const DEADLINE_MILLISECONDS = 20_000;
/** Only what never answers comes to it. */
const SHORT_DEADLINE_MILLISECONDS = 2000;
const HONEST = 3;

/** The same announcement over and over, each time with another scid under the same signatures. */
function forged(from: number, count: number): Uint8Array[] {
  const scid = scidOf({ block: 1, transaction: 1, output: 1 });
  const nodes = [testKey("liar"), testKey("liar's friend")] as const;
  const announcement = channelAnnouncement({ scid, nodes });
  const at = 2 + 4 * 64 + 2 + 32;
  return Array.from({ length: count }, (_, i) => {
    const raw = announcement.slice();
    new DataView(raw.buffer).setBigUint64(at, BigInt(from + i));
    return raw;
  });
}

/** An honest peer: tells the graph, round after round, with a pause in between, until all of it has arrived. */
function honest(onTold: () => void): Script {
  return lightning(async (wire) => {
    for (let round = 0; round < ROUNDS; round++) {
      await wire.send(...graph);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await wire.send({ type: 18, numPongBytes: 0, ignored: new Uint8Array(0) });
    await wire.nextOf(19);
    onTold();
    await wire.untilClosed();
  });
}

interface Outcome {
  readonly recorded: Recorded;
  readonly log: CapturedLog;
  readonly bad: NodeAddress;
  /** What the bad one was let go for. */
  readonly what: Misbehaviour | null;
}

/**
 * Runs honest peers and one bad one until the bad one is let go and the honest ones have told all; then checks that
 * of the honest ones nothing is missing.
 *
 * @param wrongKey lets the file name another key than the peer has.
 * @param deadlineMs of handshake and init.
 */
async function amongHonestPeers(
  script: Script,
  check: (outcome: Outcome) => void,
  wrongKey = false,
  deadlineMs = DEADLINE_MILLISECONDS,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const log = stack.use(new CapturedLog());
  let told = 0;
  const honestPeers = Array.from({ length: HONEST }, (_, i) => {
    return stack.use(new ScriptedPeer(`honest ${i}`, honest(() => told++))).address;
  });
  const listening = stack.use(new ScriptedPeer("bad", script)).address;
  const bad = wrongKey ? { ...listening, nodeId: testKey("somebody else").id } : listening;
  const recorded = stack.use(new Recorded());
  const book = loopbackBook(honestPeers);
  const manager = new PeerManager({
    privateKey: testKey("us").privateKey,
    network: "regtest",
    target: 4,
    dialsPerSecond: 1000,
    maxPending: 4,
    bootstrap: 0,
    lookbackMs: 3_600_000,
    connectTimeoutMs: 5000,
    handshakeTimeoutMs: deadlineMs,
    initTimeoutMs: deadlineMs,
  }, {
    clock: systemClock,
    random: seededRandom(1),
    sink: recorded.pipeline,
    book,
    policy: loopbackPolicy,
    gossip: new GossipService(chainHash("regtest"), systemClock, null),
    backoff: () => Infinity,
  });
  recorded.onBad = (bad) => manager.blame(bad);
  const stop = new AbortController();
  const running = manager.run(stop.signal);
  // The flood takes this process's time too, and handshakes have little.
  await until(() => manager.counts.connected === HONEST);
  book.learn(bad.nodeId, bad.end, "file", systemClock.now());
  manager.lookAgain();
  await until(() => log.lines(bad.nodeId).length > 0 && told === HONEST);
  await until(() => recorded.pipeline.verifier.counts.verdicts.valid >= graph.length);
  stop.abort();
  await running;

  const receipts = recorded.receipts();
  for (const { nodeId } of honestPeers) {
    const told = receipts.filter((receipt) => receipt.nodeId === nodeId);
    assert.deepEqual(
      told.map((receipt) => receipt.message),
      Array.from({ length: ROUNDS }, () => graph.map((bytes) => bytes.toHex())).flat(),
    );
    assert.deepEqual(log.lines(nodeId), []);
  }
  const verdicts = recorded.verdicts();
  for (const raw of graph) assert.equal(verdicts.get(raw.toHex()), "valid");
  assert.equal(log.lines(bad.nodeId).length, 1, "one clear line");
  const { misbehaved, ended } = { ...manager.counts, ...manager.counts.control };
  const whats = MISBEHAVIOURS.filter((what) => misbehaved[what] > 0);
  assert.equal(whats.length, ended.misbehaved);
  check({ recorded, log, bad, what: whats[0] ?? null });
}

/** The bad peer's one line without its address. */
const said = ({ log, bad }: Outcome) => log.lines(bad.nodeId)[0].replace(/^\S+ /, "");
const receiptsOf = ({ recorded, bad }: Outcome) =>
  recorded.receipts().filter((receipt) => receipt.nodeId === bad.nodeId);

/** Sends what it is given, in writes of a thousand messages. */
function flood(messages: (from: number, count: number) => Uint8Array[], total: number): Script {
  return lightning(async (wire) => {
    for (let sent = 0; sent < total; sent += 1000) await wire.send(...messages(sent, 1000));
    await wire.untilClosed();
  });
}

/** Writes bytes that are no frame where the first one should be, after some good gossip. */
function afterGossip(garbage: (wire: Wire, conn: Deno.Conn) => Promise<void>): Script {
  return async (conn, key) => {
    using wire = await Wire.accept(key, conn);
    await wire.send(initMessage(), ...graph);
    await garbage(wire, conn);
    await wire.untilClosed();
  };
}

/** Sends messages that a session bears, and when all have arrived one that ends it. */
async function sendAll(wire: Wire, messages: readonly Uint8Array[]): Promise<void> {
  await wire.send(...messages, { type: 18, numPongBytes: 0, ignored: new Uint8Array(0) });
  await wire.nextOf(19);
  await wire.send(new Uint8Array([1]));
}

const random = seededRandom("garbage");
const noise = (length: number) => Uint8Array.from({ length }, () => random.next() * 256);

Deno.test("100,000 forged announcements: the peer is let go, the others lose nothing", async () => {
  await amongHonestPeers(flood(forged, 100_000), (outcome) => {
    assert.match(
      said(outcome),
      /^disconnected: it sent too many bad messages: 0 malformed, 10\d\d with wrong signatures$/,
    );
    assert.equal(outcome.what, "bad_gossip");
    const count = receiptsOf(outcome).length;
    assert.ok(count >= 1000 && count < 100_000, `${count} receipts`);
    const closed = outcome.recorded.events("session_closed").find((end) => end.receipts === count);
    assert.equal(closed?.by, "us");
  });
});

Deno.test("100,000 announcements of random bytes are malformed, recorded and too many", async () => {
  const random = (_: number, count: number) =>
    Array.from({ length: count }, () => {
      const raw = noise(430);
      raw.set([1, 0]);
      raw.set([255, 255], 258); // features that run past the end
      return raw;
    });
  await amongHonestPeers(flood(random, 100_000), (outcome) => {
    assert.match(
      said(outcome),
      /too many bad messages: 10\d\d malformed, 0 with wrong signatures$/,
    );
    const verdicts = outcome.recorded.verdicts();
    const malformed = receiptsOf(outcome).filter(({ message }) => {
      return verdicts.get(message) === "malformed";
    });
    assert.ok(malformed.length >= 1000, String(malformed.length));
  });
});

Deno.test("the same forged announcement 100,000 times is held against its sender each time", async () => {
  const [lie] = forged(0, 1);
  await amongHonestPeers(flood((_, count) => Array(count).fill(lie), 100_000), (outcome) => {
    assert.match(
      said(outcome),
      /too many bad messages: 0 malformed, 10\d\d with wrong signatures$/,
    );
    assert.equal(outcome.recorded.verdicts().get(lie.toHex()), "invalid");
  });
});

Deno.test("a frame that does not decrypt ends the session after the whole messages before it", async () => {
  await amongHonestPeers(
    afterGossip(async (_, conn) => {
      await conn.write(noise(1000));
    }),
    (outcome) => {
      assert.equal(outcome.what, "broken_frame");
      assert.match(said(outcome), /^disconnected: it sent a broken frame: /);
      assert.deepEqual(
        receiptsOf(outcome).map((r) => r.message),
        graph.map((bytes) => bytes.toHex()),
      );
    },
  );
});

Deno.test("a connection cut inside a frame keeps the whole messages before it", async () => {
  await amongHonestPeers(
    async (conn, key) => {
      using wire = await Wire.accept(key, conn);
      await wire.send(initMessage());
      await wire.nextOf(265);
      await wire.send(...graph);
      await conn.write(noise(10));
    },
    (outcome) => {
      assert.equal(outcome.what, null);
      assert.match(said(outcome), /^disconnected: the peer closed inside a frame$/);
      assert.deepEqual(
        receiptsOf(outcome).map((r) => r.message),
        graph.map((bytes) => bytes.toHex()),
      );
    },
  );
});

Deno.test("a message too short to have a type ends the session, the rest of its read is kept", async () => {
  await amongHonestPeers(
    afterGossip((wire) => wire.send(new Uint8Array([1]), graph[0])),
    (outcome) => {
      assert.equal(outcome.what, "undecodable");
      assert.match(said(outcome), /^disconnected: it sent a message that does not decode: /);
      const [first] = graph;
      assert.deepEqual(
        receiptsOf(outcome).map((r) => r.message),
        [...graph, first].map((bytes) => bytes.toHex()),
      );
    },
  );
});

Deno.test("the longest message there is is taken whole", async () => {
  const longest = new Uint8Array(65_535);
  longest.set([1, 1]);
  await amongHonestPeers(
    afterGossip((wire) => wire.send(longest, new Uint8Array([0, 18]))),
    (outcome) => {
      assert.match(said(outcome), /^disconnected: it sent a message that does not decode: ping/);
      assert.ok(receiptsOf(outcome).some(({ message }) => message === longest.toHex()));
    },
  );
});

Deno.test("a flood of pings for the largest pongs ends the session", async () => {
  const ping = { type: 18, numPongBytes: 65_531, ignored: new Uint8Array(0) } as const;
  await amongHonestPeers(
    afterGossip((wire) => wire.send(...Array.from({ length: 1000 }, () => ping))),
    (outcome) => {
      assert.equal(outcome.what, "ping_flood");
      assert.match(said(outcome), /^disconnected: it asked for more than 458752 bytes of pongs/);
      assert.equal(receiptsOf(outcome).length, graph.length);
    },
  );
});

Deno.test("a flood of messages of an unknown type ends the session", async () => {
  const custom = new Uint8Array(60_000);
  custom.set([0xc3, 0x51]);
  await amongHonestPeers(
    afterGossip(async (wire) => {
      for (let i = 0; i < 300; i++) await wire.send(custom);
    }),
    (outcome) => {
      assert.equal(outcome.what, "beside_flood");
      assert.match(said(outcome), /^disconnected: it sent more than 16777216 bytes beside gossip/);
      assert.equal(receiptsOf(outcome).length, graph.length);
    },
  );
});

Deno.test("of a flood of updates of one channel some are stored, and each is a message of its own", async () => {
  const total = 4000;
  const [, update] = graph;
  const flood = Array.from({ length: total }, (_, i) => {
    const raw = update.slice();
    new DataView(raw.buffer).setUint32(raw.length - 20, i); // in the fees, so that no signature holds
    return raw;
  });
  await amongHonestPeers(
    afterGossip((wire) => sendAll(wire, flood)),
    (outcome) => {
      const texts = receiptsOf(outcome).map(({ message }) => message).slice(graph.length);
      assert.equal(texts.length, total);
      const standIns = texts.filter((text) => text.startsWith("ffff"));
      assert.equal(outcome.recorded.pipeline.quotas.withheld.spam, standIns.length);
      assert.ok(standIns.length > 2000 && standIns.length < 3000, String(standIns.length));
      assert.equal(new Set(standIns).size, standIns.length, "each has a digest");
    },
  );
});

Deno.test("of a flood of proposed gossip some is stored, and each receipt is", async () => {
  const total = 1000;
  const proposed = Array.from({ length: total }, (_, i) => {
    const raw = new Uint8Array(1000);
    raw.set([1, 11, i >> 8, i & 255]); // 267
    return raw;
  });
  await amongHonestPeers(
    afterGossip((wire) => sendAll(wire, proposed)),
    (outcome) => {
      const texts = receiptsOf(outcome).map(({ message }) => message).slice(graph.length);
      assert.equal(texts.length, total);
      const standIns = texts.filter((text) => text.startsWith("ffff")).length;
      assert.equal(outcome.recorded.pipeline.quotas.withheld.proposed, standIns);
      assert.ok(standIns > 700 && standIns < 740, String(standIns));
    },
  );
});

Deno.test("of signed channels that one peer alone brings the graph takes few, and none in place of others'", async () => {
  using recorded = new Recorded();
  const nodes = [testKey("liar"), testKey("liar's friend")] as const;
  const lies = Array.from({ length: 20 }, (_, i) => {
    return channelAnnouncement({ scid: scidOf({ block: i, transaction: 1, output: 1 }), nodes });
  });
  const truths = graph.filter((raw) => messageType(raw) === 256);
  const limits = { channels: 10, unconfirmed: 5 };
  const collected = new Graph({ chain: chainHash("regtest"), clock: systemClock, limits });
  recorded.onValid = (raw, signer, sourcePeer) =>
    collected.accept(raw, "valid", signer, sourcePeer);
  const [liar, honest, other] = ["liar", "honest", "other"].map((label) => {
    const at = systemClock.now();
    return recorded.pipeline.openSession({
      node_id: testKey(label).id,
      address: "127.0.0.1:9735",
      dialled_at: at,
      handshake_at: at,
      filter_at: at,
      filter_first: 1,
      features: "",
    });
  });
  const tell = (session: number, messages: readonly Uint8Array[]) => {
    for (const raw of messages) recorded.pipeline.receive(session, raw, systemClock.now());
    return recorded.pipeline.verifier.idle();
  };
  // It was asked for channels once.
  recorded.pipeline.asked(liar, Infinity);
  recorded.pipeline.asked(liar, systemClock.now());
  await tell(liar, lies);
  await tell(liar, lies);
  assert.equal(collected.counts.channels, limits.unconfirmed);
  assert.equal(collected.counts.outcomes.source_full, lies.length - limits.unconfirmed);
  await tell(honest, truths);
  await tell(other, truths);
  const { view, counts } = collected;
  assert.equal(truths.length, 6);
  assert.deepEqual([counts.channels, counts.unconfirmed, counts.evicted], [10, 4, 1]);
  for (const raw of truths) {
    const message = decodeMessage(raw);
    assert.ok(message.known && message.type === 256 && view.find(message.scid) >= 0);
  }
});

Deno.test("what does not speak BOLT 8 is told in one line", async () => {
  await amongHonestPeers(
    async (conn) => {
      await conn.write(new TextEncoder().encode(`HTTP/1.1 400 Bad Request\r\n${" ".repeat(50)}`));
      await conn.read(new Uint8Array(100));
    },
    (outcome) => assert.match(said(outcome), /^not connected: handshake: act two/),
  );
});

Deno.test("a peer under another key than the file says is told in one line", async () => {
  await amongHonestPeers(
    async (conn, key) => {
      await Wire.accept(key, conn);
    },
    (outcome) => assert.match(said(outcome), /^not connected: handshake: act two: the peer closed/),
    true,
  );
});

Deno.test("a peer that never answers is told in one line, in the handshake and before init", async () => {
  const silent: Script = async (conn) => {
    while (await conn.read(new Uint8Array(100)) !== null);
  };
  await amongHonestPeers(
    silent,
    (outcome) =>
      assert.match(said(outcome), /^not connected: handshake: act two: not done in 2000 ms/),
    false,
    SHORT_DEADLINE_MILLISECONDS,
  );
  await amongHonestPeers(
    async (conn, key) => {
      using wire = await Wire.accept(key, conn);
      await wire.untilClosed();
    },
    (outcome) => assert.match(said(outcome), /^not connected: no init within 2000 ms$/),
    false,
    SHORT_DEADLINE_MILLISECONDS,
  );
});
