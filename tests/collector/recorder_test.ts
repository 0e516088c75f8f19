import assert from "node:assert/strict";
import fc from "fast-check";
import { Recorder } from "../../collector/receipt/recorder.ts";
import type { RecorderOptions } from "../../collector/receipt/recorder_options.ts";
import {
  type Batch,
  type CollectorEvent,
  RECEIPT_REPEAT,
  RECEIPT_WARMUP,
  VERDICTS,
} from "../../shared/batch/batch.ts";
import { decodeBatch, MAX_BATCH_BYTES } from "../../shared/batch/codec.ts";
import { seededRandom } from "../../shared/random.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { sessionFigures } from "../support/fixtures/session_figures.ts";

const SECOND = 1_000_000;
const HOUR_SECONDS = 3600;

/** Small, so that hundreds of recorders are made quickly. */
const SMALL: Partial<RecorderOptions> = {
  messages: { messagesLog2: 8, rawBytes: 131_072, rawsLog2: 8 },
  repeats: { messagesLog2: 8, peers: 32 },
};

/** A recorder whose batches are decoded as the archive would. */
class Recording implements Disposable {
  readonly clock = new ManualClock();
  readonly batches: Batch[] = [];
  readonly sizes: number[] = [];
  readonly fresh: [number, Uint8Array][] = [];
  readonly epoch = this.clock.now();
  readonly recorder: Recorder;

  constructor(options: Partial<RecorderOptions> = {}) {
    const { epoch } = this;
    this.recorder = new Recorder(
      { collector: "test", epoch, version: "1.2.3", targetPeers: 2, ...SMALL, ...options },
      {
        clock: this.clock,
        random: seededRandom(1),
        sink: (bytes, id) => {
          const batch = decodeBatch(bytes);
          assert.deepEqual(id, { epoch: batch.epoch, number: batch.number });
          this.batches.push(batch);
          this.sizes.push(bytes.length);
        },
      },
    );
  }

  /** Opens a session whose warm-up is over. */
  open(
    peer: number,
    filterAt: number = this.clock.now() - HOUR_SECONDS * SECOND,
    filterFirst = 1,
  ): number {
    return this.recorder.openSession({
      node_id: `02${peer.toString(16).padStart(64, "0")}`,
      address: "127.0.0.1:9735",
      dialled_at: filterAt,
      handshake_at: filterAt,
      filter_at: filterAt,
      filter_first: filterFirst,
      features: "20000000aa82",
    });
  }

  close(session: number, reason = "gone"): void {
    this.recorder.closeSession({
      session,
      at: this.clock.now(),
      by: "peer",
      reason,
      ...sessionFigures(),
    });
  }

  /** A receipt now, from a buffer that is overwritten after. */
  receive(session: number, raw: Uint8Array): void {
    const buffer = raw.slice();
    this.recorder.receive(session, buffer, this.clock.now());
    buffer.fill(0xee);
  }

  get events(): CollectorEvent[] {
    return this.batches.flatMap((batch) => batch.events);
  }

  /** All receipts as the archive would see them. */
  get receipts(): { at: number; message: number; session: number; flags: number }[] {
    return this.batches.flatMap(({ receipts }) =>
      Array.from(receipts.receivedAt, (at, i) => ({
        at,
        message: receipts.messages[i],
        session: receipts.sessions[i],
        flags: receipts.flags[i],
      }))
    );
  }

  /** All texts by message number, and how often each travelled. */
  get texts(): Map<number, Uint8Array[]> {
    const texts = new Map<number, Uint8Array[]>();
    for (const { messages } of this.batches) {
      messages.numbers.forEach((number, i) => {
        texts.set(number, [...texts.get(number) ?? [], messages.raws[i]]);
      });
    }
    return texts;
  }

  [Symbol.dispose](): void {
    this.recorder[Symbol.dispose]();
  }
}

/** An unknown message of a given length, told apart by `name`. */
function message(name: number, length = 100): Uint8Array {
  const raw = new Uint8Array(length);
  new DataView(raw.buffer).setUint16(0, 40_001);
  new DataView(raw.buffer).setUint32(2, name);
  return raw;
}

/** A channel_update (BOLT 7) whose own time is `seconds`. */
function update(seconds: number): Uint8Array {
  const raw = new Uint8Array(138);
  const view = new DataView(raw.buffer);
  view.setUint16(0, 258);
  view.setUint32(2 + 64 + 32 + 8, seconds);
  raw[2 + 64 + 32 + 8 + 4] = 1;
  return raw;
}

Deno.test("what the archive decodes is what the sessions told, text once, in the order of the stamps", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ peer: fc.nat(3), name: fc.nat(12), back: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.constant("flush" as const) },
  );
  const limits = fc.record({
    maxReceipts: fc.integer({ min: 1, max: 20 }),
    maxBytes: fc.integer({ min: 1, max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), limits, (steps, options) => {
      using recording = new Recording(options);
      const sessions = [0, 1, 2, 3].map((peer) => recording.open(peer));
      const told: { at: number; name: number; session: number; repeat: boolean }[] = [];
      const now = recording.clock.now();
      for (const [i, step] of steps.entries()) {
        if (step === "flush") {
          recording.recorder.flush();
          continue;
        }
        const { peer, name, back } = step;
        const at = now + 10 * i - 15 * back;
        const repeat = told.some((one) => one.name === name && one.session === sessions[peer]);
        const { number, isNew } = recording.recorder.receive(sessions[peer], message(name), at);
        if (isNew) recording.fresh.push([number, message(name)]);
        told.push({ at, name, session: sessions[peer], repeat });
      }
      recording.recorder.end();

      const { texts } = recording;
      const nameOf = new Map<number, number>();
      for (const [number, raws] of texts) {
        assert.equal(raws.length, 1, "a text travels once");
        const name = new DataView(raws[0].buffer, raws[0].byteOffset).getUint32(2);
        assert.deepEqual(raws[0], message(name));
        nameOf.set(number, name);
      }
      assert.deepEqual(recording.fresh.map(([number, raw]) => [number, [raw]]), [...texts]);
      const heard = recording.receipts.map(({ at, message, session, flags }) => ({
        at,
        name: nameOf.get(message),
        session,
        repeat: flags === RECEIPT_REPEAT,
      }));
      const order = (a: { at: number }, b: { at: number }) => a.at - b.at;
      assert.deepEqual(heard.toSorted(order), told.toSorted(order));

      let before = 0;
      for (const [i, batch] of recording.batches.entries()) {
        assert.equal(batch.number, i);
        assert.equal(batch.receiptsBefore, before);
        assert.deepEqual(batch.receipts.receivedAt, batch.receipts.receivedAt.toSorted());
        before += batch.receipts.receivedAt.length;
      }
      assert.equal(recording.recorder.counters.receipts, told.length);
      assert.equal(recording.recorder.counters.repeats, told.filter((one) => one.repeat).length);
      assert.equal(recording.recorder.counters.messages, texts.size);
    }),
  );
});

Deno.test("an epoch begins and ends with its events, sessions come before their receipts", () => {
  using recording = new Recording();
  const session = recording.open(7);
  recording.receive(session, message(1));
  recording.close(session);
  recording.recorder.end();
  assert.deepEqual(
    recording.events.map((event) => event.kind),
    ["run_started", "session_opened", "session_closed", "run_ended"],
  );
  const [started, , , ended] = recording.events;
  assert.deepEqual(started, {
    kind: "run_started",
    at: recording.epoch,
    version: "1.2.3",
    target_peers: 2,
  });
  assert.deepEqual(ended, { kind: "run_ended", at: recording.clock.now(), receipts: 1 });
  assert.throws(() => recording.receive(session, message(1)), /not open/);
  assert.throws(() => recording.close(session), /not open/);
});

Deno.test("a quiet collector's batch goes out at its age, and an empty one never", async () => {
  using recording = new Recording({ maxAgeMs: 2000 });
  await recording.clock.advance(1999);
  assert.equal(recording.batches.length, 0);
  await recording.clock.advance(1);
  assert.equal(recording.batches.length, 1);
  await recording.clock.advance(60_000);
  assert.equal(recording.batches.length, 1);
  assert.equal(recording.clock.sleeping, 0);

  const session = recording.open(1);
  await recording.clock.advance(1000);
  recording.receive(session, message(1));
  recording.recorder.flush();
  await recording.clock.advance(500);
  recording.receive(session, message(1));
  await recording.clock.advance(1999);
  assert.equal(recording.batches.length, 2, "a batch's age counts from its own first item");
  await recording.clock.advance(1);
  assert.equal(recording.batches.length, 3);
  recording.recorder.end();
  await recording.clock.advance(0);
  assert.equal(recording.clock.sleeping, 0);
});

Deno.test("a batch is closed by its receipts, by its text, and always before the wire's limit", () => {
  using byCount = new Recording({ maxReceipts: 10 });
  const one = byCount.open(1);
  for (let i = 0; i < 25; i++) byCount.receive(one, message(0));
  assert.deepEqual(byCount.batches.map((batch) => batch.receipts.flags.length), [10, 10]);

  using byText = new Recording({ maxBytes: 1000 });
  const two = byText.open(1);
  byText.recorder.flush();
  for (let i = 0; i < 25; i++) byText.receive(two, message(i));
  assert.deepEqual(byText.batches.slice(1).map((batch) => batch.messages.raws.length), [10, 10]);

  using unlimited = new Recording({ maxReceipts: 1e9, maxBytes: 1e9 });
  const random = seededRandom(5);
  const anything = (length: number) => {
    const raw = message(0, length);
    for (let i = 2; i < length; i++) raw[i] = random.next() * 256;
    return raw;
  };
  const sessions = [0, 1, 2].map((peer) => unlimited.open(peer));
  for (let i = 0; i < 60_000; i++) {
    unlimited.recorder.receive(sessions[i % 3], message(i % 7), unlimited.epoch + i * i);
    if (i % 1000 === 0) unlimited.receive(sessions[0], anything(65_535));
    if (i % 3000 === 0) {
      unlimited.recorder.openSession({
        node_id: `02${"0".repeat(64)}`,
        address: "\u0000".repeat(1024),
        dialled_at: 0,
        handshake_at: 0,
        filter_at: 0,
        filter_first: 0,
        features: anything(65_535).toHex(),
      });
    }
  }
  for (let i = 0; i < 100_000; i++) unlimited.recorder.verdict(i % 7, "valid");
  unlimited.recorder.end();
  assert.ok(unlimited.batches.length > 4);
  assert.ok(Math.max(...unlimited.sizes) <= MAX_BATCH_BYTES);
  assert.ok(Math.max(...unlimited.sizes) > MAX_BATCH_BYTES / 2);
  assert.equal(unlimited.receipts.length, 60_060);
  const verdicts = unlimited.batches.reduce((sum, { verdicts }) => sum + verdicts.codes.length, 0);
  assert.equal(verdicts, 100_000);
});

Deno.test("receipts are warm-up while their session is young or when their message is old", () => {
  using recording = new Recording({ warmupMs: 600_000, backlogMs: 3_600_000 });
  const { epoch, recorder } = recording;
  const seconds = Math.floor(epoch / SECOND);
  const old = recording.open(1);
  const young = recording.open(2, epoch);
  const flagsOf = (session: number, raw: Uint8Array, at: number) => {
    recorder.receive(session, raw, at);
    recorder.flush();
    return recording.receipts.at(-1)!.flags;
  };
  assert.equal(flagsOf(old, message(1), epoch), 0);
  assert.equal(flagsOf(young, message(1), epoch), RECEIPT_WARMUP);
  assert.equal(flagsOf(young, message(2), epoch + 600 * SECOND - 1), RECEIPT_WARMUP);
  assert.equal(flagsOf(young, message(3), epoch + 600 * SECOND), 0);
  assert.equal(flagsOf(old, update(seconds - 3599), epoch), 0);
  assert.equal(flagsOf(old, update(seconds - 3601), epoch), RECEIPT_WARMUP);
  assert.equal(flagsOf(old, update(seconds - 3601), epoch), RECEIPT_WARMUP | RECEIPT_REPEAT);
  assert.equal(flagsOf(old, update(seconds + 9999), epoch), 0, "a time in the future is not old");
  assert.equal(recorder.counters.warmups, 4);
});

Deno.test("what we asked a peer for is warm-up: all it has for longer, and any more until it is told", async () => {
  using recording = new Recording({ warmupMs: 1000 });
  const { recorder, clock } = recording;
  const sessions = [
    recording.open(1, clock.now(), 1),
    recording.open(2, clock.now(), 0),
    recording.open(3),
  ];
  recorder.asked(sessions[2], Infinity);
  recorder.asked(99, Infinity);
  for (let half = 0; half < 8; half++) {
    if (half === 4) recorder.asked(sessions[2], clock.now() + SECOND);
    for (const session of sessions) recording.receive(session, message(half));
    await clock.advance(500);
  }
  recorder.end();
  const halves = sessions.map((session) =>
    recording.receipts.filter((receipt) => receipt.session === session)
      .map(({ flags }) => flags & RECEIPT_WARMUP ? "w" : "-").join("")
  );
  assert.deepEqual(halves, ["ww------", "wwwwww--", "wwwwww--"]);
});

Deno.test("a peer's repeats are known in its next session", () => {
  using recording = new Recording();
  const first = recording.open(1);
  recording.receive(first, message(1));
  recording.close(first);
  const again = recording.open(1);
  const other = recording.open(2);
  recording.receive(again, message(1));
  recording.receive(other, message(1));
  recording.recorder.end();
  assert.deepEqual(recording.receipts.map(({ flags }) => flags), [0, RECEIPT_REPEAT, 0]);
});

Deno.test("a message in the place of a forgotten one is no repeat", () => {
  using recording = new Recording();
  const session = recording.open(1);
  for (let i = 0; i < 300; i++) recording.receive(session, message(i));
  recording.receive(session, message(299));
  recording.recorder.end();
  const repeats = recording.receipts.filter(({ flags }) => flags === RECEIPT_REPEAT);
  assert.deepEqual(repeats.map((receipt) => receipt.message), [299]);
});

Deno.test("a verdict travels in the batch that is open when it is reached", () => {
  using recording = new Recording();
  const session = recording.open(1);
  recording.receive(session, message(1));
  recording.recorder.flush();
  recording.recorder.verdict(0, "invalid");
  recording.recorder.end();
  const { numbers, codes } = recording.batches[1].verdicts;
  assert.deepEqual([...numbers], [0]);
  assert.deepEqual([...codes].map((code) => VERDICTS[code]), ["invalid"]);
});

Deno.test("a message that was forgotten and comes again travels again under a new number", () => {
  const messages = { messagesLog2: 2, rawBytes: 100_000, rawsLog2: 2 };
  using recording = new Recording({ messages });
  const session = recording.open(1);
  for (const name of [1, 2, 3, 4, 5, 1]) recording.receive(session, message(name));
  recording.recorder.end();
  assert.deepEqual(recording.receipts.map((receipt) => receipt.message), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(recording.texts.get(5), [message(1)]);
});

Deno.test("what an archive lacks is sent again: kept messages at once, others with their next receipt", async () => {
  const messages = { messagesLog2: 4, rawBytes: 65_536, rawsLog2: 1 };
  using recording = new Recording({ messages });
  const { recorder, epoch } = recording;
  const session = recording.open(1);
  const closed = recording.open(2);
  recording.close(closed);
  for (let i = 0; i < 20; i++) recording.receive(session, message(i));
  recorder.flush();
  recording.batches.length = 0;

  recorder.resend({ epoch: epoch - 1, messages: [19], sessions: [session] });
  recorder.flush();
  assert.equal(recording.batches.length, 0, "another epoch's numbers mean nothing");

  // 0 is forgotten, of 10 only the number is left, 19 is kept; 77 never was.
  const resend = { epoch, messages: [0, 10, 19, 77], sessions: [closed, session, 99] };
  recorder.resend(resend);
  recorder.flush();
  assert.deepEqual([...recording.texts], [[19, [message(19)]]]);
  assert.deepEqual(
    recording.events.map((event) => [event.kind, "session" in event ? event.session : null]),
    [["session_opened", closed], ["session_closed", closed], ["session_opened", session]],
  );
  assert.equal(recorder.counters.unanswered, 2);

  recorder.resend(resend);
  recorder.flush();
  assert.equal(recording.batches.length, 1, "what was just told is not told again");

  recording.receive(session, message(10));
  recording.receive(session, message(10));
  recorder.flush();
  assert.deepEqual(recording.texts.get(10), [message(10)]);

  await recording.clock.advance(30_000);
  recorder.resend(resend);
  recorder.flush();
  assert.equal(recording.texts.get(19)?.length, 2, "after a while it may have been lost again");

  recorder.end();
  await recording.clock.advance(30_000);
  recorder.resend(resend);
  assert.equal(
    recording.texts.get(19)?.length,
    3,
    "even after the end, while batches are delivered",
  );
});

Deno.test("dropped batches are told in the next batch, even when told while one is closed", () => {
  const clock = new ManualClock();
  const events: CollectorEvent[] = [];
  let drops = 0;
  using recorder: Recorder = new Recorder(
    { collector: "test", epoch: 5, version: "1", targetPeers: 1, ...SMALL },
    {
      clock,
      random: seededRandom(1),
      sink: (bytes) => {
        events.push(...decodeBatch(bytes).events);
        if (drops++ === 0) recorder.batchesDropped({ epoch: 3, first: 1, last: 2 });
      },
    },
  );
  recorder.flush();
  recorder.flush();
  assert.deepEqual(events.slice(1), [
    { kind: "batches_dropped", at: clock.now(), epoch: 3, first: 1, last: 2 },
  ]);
});
