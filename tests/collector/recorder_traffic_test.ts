import assert from "node:assert/strict";
import { Recorder } from "../../collector/receipt/recorder.ts";
import { randomInteger, seededRandom, shuffled } from "../../shared/random.ts";
import { ManualClock } from "../support/manual_clock.ts";

const PEERS = 300;
const SECONDS = 300;
const MESSAGES_PER_SECOND = 5;
const MESSAGE_BYTES = 248;
/** Two of five peers deliver a message, as on mainnet. */
const SHARE = 0.4;
const MICROSECONDS = 1_000_000;

/** One socket read: who, when, which messages. */
interface Read {
  readonly at: number;
  readonly peer: number;
  readonly messages: readonly number[];
}

/**
 * What sockets bring when peers flush what they heard every 60 s (in the order they heard it) or every 90 s (shuffled,
 * in parts 5 s apart), as Core Lightning and LND do.
 */
function traffic(seed: number): Read[] {
  const random = seededRandom(seed);
  const reads: Read[] = [];
  for (let peer = 0; peer < PEERS; peer++) {
    const shuffles = random.next() < 0.7;
    const period = shuffles ? 90 : 60;
    const flushes = new Map<number, number[]>();
    for (let message = 0; message < SECONDS * MESSAGES_PER_SECOND; message++) {
      if (random.next() > SHARE) continue;
      const heard = message / MESSAGES_PER_SECOND + 120 * random.next();
      const flush = Math.ceil((heard + peer % period) / period);
      flushes.set(flush, [...flushes.get(flush) ?? [], message]);
    }
    for (const [flush, heard] of flushes) {
      const messages = shuffles ? shuffled(heard, random) : heard;
      for (let from = 0, part = 0; from < messages.length; part++) {
        const count = 1 + randomInteger(random, 20);
        const seconds = flush * period - peer % period + (shuffles ? 5 * part : 0);
        const at = Math.round((seconds + random.next() / 10) * MICROSECONDS);
        reads.push({ at, peer, messages: messages.slice(from, from + count) });
        from += count;
      }
    }
  }
  return reads.sort((a, b) => a.at - b.at);
}

Deno.test("on traffic like mainnet's a receipt costs less than five bytes, texts included", () => {
  const random = seededRandom(2);
  const texts = Array.from({ length: SECONDS * MESSAGES_PER_SECOND }, () => {
    const text = new Uint8Array(MESSAGE_BYTES);
    for (let i = 0; i < text.length; i++) text[i] = random.next() * 256;
    return text;
  });
  const clock = new ManualClock();
  const epoch = clock.now();
  let bytes = 0;
  using recorder = new Recorder(
    { collector: "test", epoch, version: "1", targetPeers: PEERS },
    { clock, random, sink: (batch) => bytes += batch.length },
  );
  const sessions = Array.from({ length: PEERS }, (_, peer) =>
    recorder.openSession({
      node_id: `02${peer.toString(16).padStart(64, "0")}`,
      address: "127.0.0.1:9735",
      dialled_at: epoch,
      handshake_at: epoch,
      filter_at: epoch,
      filter_first: 0,
      features: "20000000aa82",
    }));
  for (const { at, peer, messages } of traffic(1)) {
    for (const message of messages) recorder.receive(sessions[peer], texts[message], epoch + at);
  }
  recorder.end();
  const { receipts, messages, repeats } = recorder.counters;
  assert.equal(messages, texts.length);
  assert.equal(repeats, 0);
  assert.ok(receipts > 150_000, `${receipts} receipts`);
  assert.ok(bytes / receipts < 5, `${bytes / receipts} bytes a receipt`);
});
