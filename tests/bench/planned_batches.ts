/**
 * Planned traffic as the batches that one collector would send of it: for feeding an archive without any sockets.
 *
 * @module
 */
import {
  type Batch,
  type CollectorEvent,
  RECEIPT_REPEAT,
  VERDICTS,
} from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { seededRandom } from "../../shared/random.ts";
import { toHex } from "../../shared/text.ts";
import { timeline } from "../simnet/timeline.ts";
import { traffic, type TrafficOptions } from "../simnet/traffic.ts";

/** When a batch is closed: the collector's defaults. */
const MAX_RECEIPTS = 20_000;
const MAX_TEXT_BYTES = 256 * 1024;
const MAX_AGE_MICROSECONDS = 2_000_000;
/** 2025-09-26 20:31:10 UTC, when the real run began. */
const EPOCH = 1_758_918_670_000_000;
/** Sorted at a time. */
const SLICE_MICROSECONDS = 10_000_000;

/** Batches and what they hold. */
export interface PlannedBatches {
  /** Encoded, in order. */
  readonly batches: readonly Uint8Array[];
  /** Receipts in all of them. */
  readonly receipts: number;
  /** Distinct messages, and the bytes of their texts. */
  readonly messages: number;
  /** See {@link PlannedBatches.messages}. */
  readonly messageBytes: number;
  /** Bytes of all batches. */
  readonly bytes: number;
}

/** One collector's batches of a run. All receipts are held at once: some 30 bytes each. */
export function plannedBatches(collector: string, options: TrafficOptions): PlannedBatches {
  const plan = timeOrdered(options);
  const random = seededRandom(`${options.seed}/texts`);
  const numbers = new Map<number, number>(); // planned message → its number in the epoch, dealt at first sight
  const seen = new Set<number>(); // message × peers + peer
  const encoded: Uint8Array[] = [];
  let messageBytes = 0, bytes = 0, next = 0;
  while (next < plan.count) {
    const begin = next;
    const raws: Uint8Array[] = [];
    const firstNumber = numbers.size;
    const receivedAt: number[] = [],
      messages: number[] = [],
      sessions: number[] = [],
      flags: number[] = [];
    let textBytes = 0;
    while (
      next < plan.count && next - begin < MAX_RECEIPTS && textBytes < MAX_TEXT_BYTES &&
      plan.times[next] - plan.times[begin] < MAX_AGE_MICROSECONDS
    ) {
      const message = plan.messages[next], peer = plan.peers[next];
      let number = numbers.get(message);
      if (number === undefined) {
        number = numbers.size;
        numbers.set(message, number);
        const raw = randomText(plan.types[message], plan.sizes[message], random.next);
        raws.push(raw);
        textBytes += raw.length;
      }
      const pair = message * options.peers + peer;
      flags.push(seen.has(pair) ? RECEIPT_REPEAT : 0);
      seen.add(pair);
      receivedAt.push(EPOCH + plan.times[next]);
      messages.push(number);
      sessions.push(peer);
      next++;
    }
    const news = Uint32Array.from(raws, (_, i) => firstNumber + i);
    const batch: Batch = {
      collector,
      epoch: EPOCH,
      number: encoded.length,
      receiptsBefore: begin,
      messages: { numbers: news, raws },
      verdicts: {
        numbers: news,
        codes: new Uint8Array(news.length).fill(VERDICTS.indexOf("valid")),
      },
      receipts: {
        receivedAt: Float64Array.from(receivedAt),
        messages: Uint32Array.from(messages),
        sessions: Uint32Array.from(sessions),
        flags: Uint8Array.from(flags),
      },
      events: begin === 0 ? openings(options.peers) : [],
    };
    messageBytes += textBytes;
    const packed = encodeBatch(batch);
    bytes += packed.length;
    encoded.push(packed);
  }
  return { batches: encoded, receipts: plan.count, messages: numbers.size, messageBytes, bytes };
}

/** All deliveries of a run in order of time. */
function timeOrdered(options: TrafficOptions) {
  const messages: number[] = [], peers: number[] = [], times: number[] = [];
  const types: number[] = [], sizes: number[] = [];
  const slices = timeline(traffic(options), SLICE_MICROSECONDS, ({ type, size }) => {
    types.push(type);
    sizes.push(size);
  });
  for (const slice of slices) {
    for (let i = 0; i < slice.count; i++) {
      messages.push(slice.messages[i]);
      peers.push(slice.peers[i]);
      times.push(slice.times[i]);
    }
  }
  return { count: times.length, types, sizes, times, messages, peers };
}

/** The text of a message: its type, then bytes without meaning, which compress as badly as signatures do. */
function randomText(type: number, size: number, next: () => number): Uint8Array {
  const raw = new Uint8Array(size);
  for (let i = 2; i < size; i++) raw[i] = next() * 256;
  raw[0] = type >> 8;
  raw[1] = type & 0xff;
  return raw;
}

/** The run's begin, and a session with every peer. */
function openings(peers: number): CollectorEvent[] {
  const sessions = Array.from({ length: peers }, (_, session): CollectorEvent => ({
    kind: "session_opened",
    session,
    node_id: `02${toHex(new Uint8Array(new Float64Array([session, 0, 0, 0]).buffer))}`,
    address: `192.0.2.${session % 256}:9735`,
    dialled_at: EPOCH,
    handshake_at: EPOCH,
    filter_at: EPOCH,
    filter_first: EPOCH / 1e6 - 3600,
    features: "20000000aa82",
  }));
  return [{ kind: "run_started", at: EPOCH, version: "bench", target_peers: peers }, ...sessions];
}
