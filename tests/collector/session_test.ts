import assert from "node:assert/strict";
import { GossipService } from "../../collector/gossip/service.ts";
import { noControlCounts } from "../../collector/peer/control.ts";
import { dial, type Dialled } from "../../collector/peer/dialer.ts";
import { Session, type SessionEnd } from "../../collector/peer/session.ts";
import { RECEIPT_REPEAT } from "../../shared/batch/batch.ts";
import { decodeMessage, type MessageFields } from "../../shared/bolt/message.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../../shared/random.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { loopbackPolicy } from "../support/fixtures/dialling.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { Recorded } from "../support/fixtures/recorded.ts";
import { honest, lightning, type Script, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph, testKey } from "../support/fixtures/signed_gossip.ts";
import { nodePair, unsignedChannel } from "../support/fixtures/unsigned_gossip.ts";
import { until } from "../support/until.ts";
import { initMessage, Wire } from "../support/fixtures/wire.ts";

const FILTER_FIRST = 1_758_841_200;
const graph = signedGraph({ nodes: 3, channels: 3, timestamp: 1_758_844_000 });
const chain = chainHash("regtest");

/** A session of ours with a scripted peer. */
class Talk implements AsyncDisposable {
  readonly counts = noControlCounts();
  readonly recorded: Recorded;
  readonly gossip: GossipService;
  session!: Session;
  end!: Promise<SessionEnd>;
  #peer: ScriptedPeer;

  private constructor(script: Script, readonly clock: Clock) {
    this.recorded = new Recorded(clock);
    this.gossip = new GossipService(chain, clock, null);
    this.#peer = new ScriptedPeer("scripted", script);
  }

  static async begin(
    script: Script,
    options: { clock?: Clock; spy?: (link: Dialled) => Dialled } = {},
  ): Promise<Talk> {
    const talk = new Talk(script, options.clock ?? systemClock);
    const link = await dial(talk.#peer.address, {
      privateKey: testKey("us").privateKey,
      ...loopbackPolicy,
      clock: systemClock,
      random: seededRandom(1),
      signal: new AbortController().signal,
      timeoutMs: 10_000,
      handshakeTimeoutMs: 10_000,
    });
    talk.session = new Session(options.spy?.(link) ?? link, {
      network: "regtest",
      filterFirst: FILTER_FIRST,
      initTimeoutMs: 5000,
      clock: talk.clock,
      random: seededRandom(1),
      sink: talk.recorded.pipeline,
      counts: talk.counts,
      answerer: talk.gossip.answerer,
      onOpen: () => {},
    });
    talk.end = talk.session.run();
    return talk;
  }

  /** Ends it from our side. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.session.end({ by: "us", reason: "the test is over", cause: "lost" });
    await this.end;
    this.recorded[Symbol.dispose]();
    await this.#peer[Symbol.asyncDispose]();
  }
}

/** How a session with that script ends, by itself. */
async function endOf(script: Script): Promise<SessionEnd & { talk: Talk }> {
  const talk = await Talk.begin(script);
  await using _ = talk;
  return { ...await talk.end, talk };
}

const texts = (talk: Talk) => talk.recorded.receipts().map((receipt) => receipt.message);

Deno.test("a session begins with init, then the filter, and records all gossip with repeats", async () => {
  const said: string[] = [];
  await using talk = await Talk.begin(async (conn, key) => {
    using wire = await Wire.accept(key, conn);
    said.push((await wire.next())!.toHex());
    await wire.send(initMessage());
    said.push((await wire.next())!.toHex());
    await wire.send(...graph, graph[0]);
  });
  const end = await talk.end;
  assert.deepEqual(end, { by: "peer", reason: "it closed the connection", cause: "lost" });
  assert.deepEqual(said, [
    `00100000000620000000aa820120${chain.toHex()}`,
    `0109${chain.toHex()}${FILTER_FIRST.toString(16)}ffffffff`,
  ]);
  const receipts = talk.recorded.receipts();
  assert.deepEqual(
    receipts.map((r) => r.message),
    [...graph, graph[0]].map((bytes) => bytes.toHex()),
  );
  assert.deepEqual(
    receipts.map((r) => r.flags & RECEIPT_REPEAT),
    [...graph.map(() => 0), RECEIPT_REPEAT],
  );
  const [opened] = talk.recorded.events("session_opened");
  assert.equal(opened.node_id, testKey("scripted").id);
  assert.match(opened.address, /^127\.0\.0\.1:\d+$/);
  assert.equal(opened.filter_first, FILTER_FIRST);
  assert.equal(opened.features, "20000000aa82");
  assert.ok(opened.dialled_at < opened.handshake_at && opened.handshake_at < opened.filter_at);
  const [closed] = talk.recorded.events("session_closed");
  assert.equal(closed.receipts, graph.length + 1);
  assert.equal(closed.first_gossip_at, receipts[0].receivedAt);
  assert.equal(closed.last_gossip_at, receipts.at(-1)!.receivedAt);
  assert.ok(closed.bytes_in > 3000 && closed.bytes_out > 100);
  // In: its init and all gossip. Out: our init and filter.
  assert.deepEqual(
    [closed.messages_in, closed.messages_out, closed.gossip_out],
    [graph.length + 2, 2, 0],
  );
  assert.deepEqual([closed.pings_sent, closed.rtt_median], [0, null]);
});

Deno.test("gossip in one write with init is recorded behind the session's opening", async () => {
  const talk = await Talk.begin(async (conn, key) => {
    using wire = await Wire.accept(key, conn);
    await wire.send(initMessage(), ...graph);
    await wire.untilClosed();
  });
  await using _ = talk;
  await until(() => texts(talk).length === graph.length);
});

Deno.test("a pong is on its way before anything else of the same read is worked on", async () => {
  const order: string[] = [];
  const talk = await Talk.begin(
    lightning(async (wire) => {
      const ping = { type: 18, numPongBytes: 77, ignored: new Uint8Array(3) } as const;
      await wire.send(...graph, ping, ...graph);
      assert.equal((await wire.nextOf(19)).length, 4 + 77);
      await wire.send(...graph);
      await wire.untilClosed();
    }),
    {
      spy: ({ connection, ...link }) => ({
        ...link,
        connection: {
          remotePublicKey: connection.remotePublicKey,
          readBatch: () => connection.readBatch(),
          send: (...messages) => {
            order.push(...messages.map((raw) => `sent ${decodeMessage(raw).type}`));
            return connection.send(...messages);
          },
          bytesIn: () => connection.bytesIn(),
          bytesOut: () => connection.bytesOut(),
          close: () => connection.close(),
        },
      }),
    },
  );
  await using _ = talk;
  const { recorder } = talk.recorded.pipeline;
  const receive = recorder.receive.bind(recorder);
  recorder.receive = (session, raw, at) => {
    order.push("receipt");
    return receive(session, raw, at);
  };
  await until(() => order.filter((entry) => entry === "receipt").length === 3 * graph.length);
  assert.deepEqual(order.slice(0, 3), ["sent 16", "sent 265", "sent 19"]);
  assert.equal(talk.counts.pings, 1);
});

Deno.test("each ping gets its own pong, and one that asks for 65,532 bytes or more gets none", async () => {
  const sizes: number[] = [];
  const talk = await Talk.begin(lightning(async (wire) => {
    const ping = (numPongBytes: number): MessageFields => ({
      type: 18,
      numPongBytes,
      ignored: new Uint8Array(0),
    });
    await wire.send(ping(0), ping(65_532), ping(65_531), ping(65_535), ping(9));
    for (let i = 0; i < 3; i++) sizes.push((await wire.nextOf(19)).length - 4);
    await wire.untilClosed();
  }));
  await using _ = talk;
  await until(() => sizes.length === 3);
  assert.deepEqual(sizes, [0, 65_531, 9]);
});

Deno.test("we ping with one ping in flight, and a peer that falls silent is let go", async () => {
  const clock = new ManualClock();
  const pings: number[] = [];
  const talk = await Talk.begin(
    lightning(async (wire) => {
      for (let message; (message = await wire.next()) !== null;) {
        const ping = decodeMessage(message);
        assert.ok(ping.known && ping.type === 18);
        pings.push(ping.numPongBytes);
        const answered = pings.length === 1;
        if (answered) await wire.send({ type: 19, ignored: new Uint8Array(ping.numPongBytes) });
        await wire.send(...graph.slice(0, pings.length));
      }
    }),
    { clock },
  );
  await using _ = talk;
  await until(() => talk.session.number >= 0);
  await clock.advance(30_000);
  await until(() => texts(talk).length === 1); // the pong came before it
  await clock.advance(30_000);
  await until(() => texts(talk).length === 3);
  await clock.advance(30_000);
  assert.equal(pings.length, 2, "no second ping while one is in flight");
  assert.ok(pings.every((bytes) => bytes >= 1 && bytes <= 16), String(pings));
  await clock.advance(90_000);
  assert.equal(talk.recorded.events("session_closed").length, 0, "silent for less than 2 minutes");
  await clock.advance(30_000);
  assert.deepEqual(await talk.end, { by: "us", reason: "it has fallen silent", cause: "lost" });
  const [closed] = talk.recorded.events("session_closed");
  assert.deepEqual([closed.pings_sent, closed.pings_answered], [2, 1]);
  assert.ok(closed.rtt_median !== null && closed.rtt_min === closed.rtt_max);
});

Deno.test("a pong that is late for minutes ends no session while anything comes, and no other pong is one", async () => {
  const clock = new ManualClock();
  const pings: { wire: Wire; bytes: number }[] = [];
  const talk = await Talk.begin(
    lightning(async (wire) => {
      for (;;) {
        const ping = decodeMessage(await wire.nextOf(18));
        if (ping.known && ping.type === 18) pings.push({ wire, bytes: ping.numPongBytes });
      }
    }),
    { clock },
  );
  await using _ = talk;
  await until(() => talk.session.number >= 0);
  await clock.advance(30_000);
  await until(() => pings.length === 1);
  const [{ wire, bytes }] = pings;
  const halfMinute = async (...messages: (MessageFields | Uint8Array)[]) => {
    const before = texts(talk).length;
    await wire.send(...messages);
    await until(() => texts(talk).length === before + 1);
    await clock.advance(30_000);
  };
  // Ten minutes without the pong: gossip, and pongs of another length.
  for (let i = 0; i < 20; i++) {
    await halfMinute({ type: 19, ignored: new Uint8Array(17) }, graph[i % graph.length]);
  }
  assert.equal(pings.length, 1, "no second ping while one is in flight");
  await halfMinute({ type: 19, ignored: new Uint8Array(bytes) }, graph[0]);
  await until(() => pings.length === 2);
  talk.session.end({ by: "us", reason: "enough", cause: "lost" });
  await talk.end;
  const [{ pings_sent, pings_answered, rtt_max }] = talk.recorded.events("session_closed");
  // The second is under way: neither answered nor unanswered.
  assert.deepEqual([pings_sent, pings_answered], [1, 1]);
  assert.ok(rtt_max! >= 600e6, String(rtt_max));
});

Deno.test("a reader that is slower than our answers gets its pongs in time, and all answers in the end", async () => {
  const CHANNELS = 1000;
  const scids = Array.from({ length: CHANNELS }, (_, i) => BigInt(i + 1) << 40n);
  const asked = Promise.withResolvers<void>();
  let answers = 0;
  const talk = await Talk.begin(lightning(async (wire) => {
    await asked.promise;
    await wire.send({ type: 261, chainHash: chain, scids });
    let bytes = 0, pongs = 0;
    for (;;) {
      const raw = (await wire.next())!;
      const message = decodeMessage(raw);
      if (message.type === 262) break;
      if (message.type === 256) {
        answers++;
        bytes += raw.length;
      }
      if (!message.known || message.type !== 18) continue;
      assert.ok(bytes >= 32 * 1024 && bytes <= (256 + 64) * 1024, `${bytes} bytes before a pong`);
      bytes = 0;
      // While our pong is due, theirs comes at once.
      await wire.send({ type: 18, numPongBytes: 9, ignored: new Uint8Array(0) });
      assert.equal(decodeMessage((await wire.next())!).type, 19);
      await wire.send({ type: 19, ignored: new Uint8Array(message.numPongBytes) });
      pongs++;
    }
    assert.ok(pongs >= 2, `${pongs} pongs`);
    await wire.send(graph[0]);
    await wire.untilClosed();
  }));
  await using _ = talk;
  for (const [i, scid] of scids.entries()) {
    talk.gossip.graph.accept(unsignedChannel({ scid, nodes: nodePair(i, i + 1) }), "valid");
  }
  asked.resolve();
  await until(() => texts(talk).length === 1, () => `${answers} answers`);
  assert.equal(answers, CHANNELS);
  talk.session.end({ by: "us", reason: "enough", cause: "lost" });
  await talk.end;
  const [{ pings_sent, pings_answered, rtt_max }] = talk.recorded.events("session_closed");
  assert.ok(pings_sent! >= 2 && pings_sent === pings_answered);
  assert.equal(rtt_max, null, "a pong that waited behind our answers is no round trip");
});

Deno.test("a peer that does not read is let go at half a mebibyte of what waits for it", async () => {
  const done = Promise.withResolvers<void>();
  const talk = await Talk.begin(lightning(() => done.promise));
  await using _ = talk;
  await until(() => talk.session.number >= 0);
  let end: SessionEnd | undefined;
  void talk.end.then((value) => end = value);
  await until(() => {
    talk.session.say(new Uint8Array(65_535));
    return end !== undefined;
  });
  done.resolve();
  assert.match(end!.reason, /^send: the peer does not read: \d+ bytes wait; 524288 are the most$/);
  assert.deepEqual([end!.cause, end!.what], ["misbehaved", "not_reading"]);
  assert.equal(talk.counts.misbehaved.not_reading, 1);
});

Deno.test("a session that goes on tells how it is doing, with pings and pongs of both sides", async () => {
  const clock = new ManualClock();
  const talk = await Talk.begin(
    lightning(async (wire) => {
      for (let pings = 0, message; (message = await wire.next()) !== null; pings++) {
        const ping = decodeMessage(message);
        assert.ok(ping.known && ping.type === 18);
        await wire.send({ type: 19, ignored: new Uint8Array(ping.numPongBytes) });
        // Asks for no pong: each answer of ours would be taken for a ping here.
        if (pings === 0) {
          await wire.send({ type: 18, numPongBytes: 65_535, ignored: new Uint8Array(0) });
        }
        await wire.send(graph[pings % graph.length]);
      }
    }),
    { clock },
  );
  await using _ = talk;
  await until(() => talk.session.number >= 0);
  for (let minute = 0; minute < 11; minute++) {
    for (const _half of [1, 2]) {
      const before = texts(talk).length;
      await clock.advance(30_000);
      await until(() => texts(talk).length === before + 1);
    }
  }
  const [opened] = talk.recorded.events("session_opened");
  const states = talk.recorded.events("session_state");
  const minutes = states.map(({ at }) => Math.floor((at - opened.filter_at) / 60e6));
  assert.deepEqual(minutes, [5, 10]);
  const [, { receipts, pings_sent, pings_answered, pings_received, pongs_sent }] = states;
  assert.equal(pings_received, 1);
  assert.equal(pongs_sent, 0);
  // The ping of that very moment is under way, and not counted yet.
  assert.equal(pings_answered, receipts);
  assert.equal(pings_sent, receipts);
  assert.deepEqual(talk.recorded.events("session_closed"), []);
});

Deno.test("a channel open and gossip queries are answered with the least that is owed", async () => {
  const answers: string[] = [];
  const talk = await Talk.begin(lightning(async (wire) => {
    const open = new Uint8Array(319).fill(5);
    open.set([0, 32]);
    await wire.send(
      open,
      { type: 263, chainHash: chain, firstBlock: 7, numberOfBlocks: 9 },
      { type: 261, chainHash: chain, scids: [1n] },
      { type: 265, chainHash: chain, firstTimestamp: 0, timestampRange: 0xffffffff },
    );
    for (let i = 0; i < 3; i++) answers.push((await wire.next())!.toHex());
    await wire.untilClosed();
  }));
  await using _ = talk;
  await until(() => answers.length === 3);
  assert.match(answers[0], /^0011(05){32}/);
  assert.equal(answers[1], `0108${chain.toHex()}000000070000000901000100`);
  assert.equal(answers[2], `0106${chain.toHex()}01`);
  assert.equal(talk.counts.answers, 4);
  assert.deepEqual(talk.gossip.ledger.entries().map(({ reason }) => reason), [
    "query_channel_range",
    "query_short_channel_ids",
    "own_filter",
  ]);
});

Deno.test("a flood of queries is answered up to a limit, and the session goes on", async () => {
  const talk = await Talk.begin(lightning(async (wire) => {
    const query = { type: 261, chainHash: chain, scids: [1n] } as const;
    await wire.send(...Array.from({ length: 500 }, () => query), graph[0]);
    await wire.untilClosed();
  }));
  await using _ = talk;
  await until(() => texts(talk).length === 1);
  // One is answered and one waits; the rest came before their turn.
  assert.ok(talk.counts.answers >= 2 && talk.counts.answers < 70, String(talk.counts.answers));
  assert.equal(talk.counts.answers + talk.counts.unanswered, 500);
});

Deno.test("a peer that never stops sending is let go", async () => {
  // As if each byte were a million: what it takes for real is in the test of the limits.
  const talk = await Talk.begin(honest(graph), {
    spy: ({ connection, ...link }) => ({
      ...link,
      connection: {
        remotePublicKey: connection.remotePublicKey,
        readBatch: () => connection.readBatch(),
        send: (...messages) => connection.send(...messages),
        bytesIn: () => 1e6 * connection.bytesIn(),
        bytesOut: () => connection.bytesOut(),
        close: () => connection.close(),
      },
    }),
  });
  await using _ = talk;
  const { by, reason, cause, what } = await talk.end;
  assert.deepEqual([by, cause, what], ["us", "misbehaved", "read_flood"]);
  assert.equal(reason, "it sent more than 268435456 bytes in ten minutes");
});

Deno.test("unknown types, warnings and errors about channels leave the session open", async () => {
  using log = new CapturedLog();
  const talk = await Talk.begin(lightning(async (wire) => {
    const data = new TextEncoder().encode('be careful\u001b[31m "you"');
    await wire.send(
      ...[513, 32_769, 7, 9, 258 + 1].map((type) => new Uint8Array([type >> 8, type & 255, 1])),
      { type: 1, channelId: new Uint8Array(32), data },
      { type: 17, channelId: new Uint8Array(32).fill(1), data },
      { type: 264, chainHash: chain, firstBlock: 0, numberOfBlocks: 1, syncComplete: 1, scids: [] },
      graph[0],
    );
    await wire.untilClosed();
  }));
  await using _ = talk;
  await until(() => texts(talk).length === 1);
  assert.equal(talk.counts.unknown, 5);
  assert.equal(talk.counts.complaints, 2);
  const said = String.raw`"be careful\u{1b}[31m \u{22}you\u{22}"`;
  const [warning, error, ...more] = log.lines("sent");
  assert.ok(warning.endsWith(`sent a warning: ${said}`), warning);
  assert.ok(error.endsWith(`sent an error about a channel: ${said}`), error);
  assert.deepEqual(more, []);
});

Deno.test("an error about the connection ends it, with the peer's words", async () => {
  const data = new TextEncoder().encode("go away");
  const { by, reason } = await endOf(lightning(async (wire) => {
    await wire.send({ type: 17, channelId: new Uint8Array(32), data });
    await wire.untilClosed();
  }));
  assert.deepEqual([by, reason], ["peer", 'it sent an error: "go away"']);
});

Deno.test("a query of a forbidden form is not answered, and the session stays", async () => {
  const hex = chain.toHex();
  const talk = await Talk.begin(lightning(async (wire) => {
    await wire.send(
      // An unknown compulsory record, a flag too few, types that descend, zlib.
      Uint8Array.fromHex(`0107${hex}0000000000000001` + "0200"),
      Uint8Array.fromHex(`0105${hex}0009` + "000000000000000001" + "010100"),
      Uint8Array.fromHex(`0107${hex}0000000000000001` + "05000300"),
      Uint8Array.fromHex(`0105${hex}0001` + "01"),
      graph[0],
    );
    await wire.untilClosed();
  }));
  await using _ = talk;
  await until(() => texts(talk).length === 1);
  assert.deepEqual([talk.counts.unanswered, talk.counts.answers], [4, 0]);
});

Deno.test("an answer that is cut short ends the asking, not the session", async () => {
  const hex = chain.toHex();
  const talk = await Talk.begin(lightning(async (wire) => {
    await wire.send(
      Uint8Array.fromHex(`0108${hex}00000000`),
      Uint8Array.fromHex(`0106${hex}`),
      Uint8Array.fromHex("0108"),
      graph[0],
    );
    await wire.untilClosed();
  }));
  await using _ = talk;
  await until(() => texts(talk).length === 1);
  assert.equal(talk.counts.unanswered, 3);
  assert.equal(talk.counts.misbehaved.undecodable, 0);
});

Deno.test("proposed gossip of other types is recorded as it comes", async () => {
  const proposed = [260, 267, 269, 271].map((type) => new Uint8Array([type >> 8, type & 255, 9]));
  const talk = await Talk.begin(honest(proposed));
  await using _ = talk;
  await until(() => texts(talk).length === 4);
  assert.deepEqual(texts(talk), proposed.map((bytes) => bytes.toHex()));
});

Deno.test("what BOLT 1 forbids in init ends the connection before a session begins", async () => {
  const first = (message: MessageFields | Uint8Array): Script => async (conn, key) => {
    using wire = await Wire.accept(key, conn);
    await wire.send(message);
    await wire.untilClosed();
  };
  const cases: [MessageFields | Uint8Array, RegExp][] = [
    [
      { type: 16, features: new Uint8Array(0), networks: [chainHash("bitcoin")] },
      /network regtest/,
    ],
    [graph[0], /first message was channel_announcement, not init/],
    [new Uint8Array([0, 16, 255, 255]), /does not decode/],
  ];
  for (const [message, reason] of cases) {
    const end = await endOf(first(message));
    assert.match(end.reason, reason);
    assert.deepEqual([end.by, end.cause], ["us", "incompatible"]);
    assert.deepEqual(end.talk.recorded.events("session_opened"), []);
  }
});

Deno.test("a peer that demands what only channels need is listened to", async () => {
  const talk = await Talk.begin(async (conn, key) => {
    using wire = await Wire.accept(key, conn);
    await wire.send(initMessage([0, 17, 51, 100, 2000]), graph[0]);
    await wire.untilClosed();
  });
  await using _ = talk;
  await until(() => texts(talk).length === 1);
});

Deno.test("a peer without a slot for us, or without a word, is told apart", async () => {
  const full = await endOf(async (conn, key) => (await Wire.accept(key, conn)).connection.close());
  assert.equal(full.cause, "full");

  const clock = new ManualClock();
  await using talk = await Talk.begin(async (conn, key) => {
    using wire = await Wire.accept(key, conn);
    await wire.untilClosed();
  }, { clock });
  await clock.advance(5000);
  assert.deepEqual(await talk.end, {
    by: "us",
    reason: "no init within 5000 ms",
    cause: "handshake",
  });
});
