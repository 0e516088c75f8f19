// Planned traffic as the batches that one collector would send of it: for feeding an archive without any sockets.
// Streaming: it holds what is in flight, and of each message a number and a bit a peer.

import {
  type Batch,
  type CollectorEvent,
  RECEIPT_REPEAT,
  VERDICTS,
} from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { MessageFactory } from "../simnet/messages.ts";
import { timeline } from "../simnet/timeline.ts";
import {
  messageCount,
  originCounts,
  type PlannedMessage,
  traffic,
  type TrafficOptions,
} from "../simnet/traffic.ts";
import { Universe } from "../simnet/universe.ts";
import { PlannedSessions } from "./planned_sessions.ts";
import { ReceiptColumns } from "./receipt_columns.ts";

/** When a batch is closed: the collector's defaults. */
const MAX_RECEIPTS = 16_384;
const MAX_TEXT_BYTES = 256 * 1024;
const MAX_AGE_MICROSECONDS = 2_000_000;
/** Sorted at a time. */
const SLICE_MICROSECONDS = 10_000_000;

/** One collector's run. */
export interface PlannedRun {
  /** Its name. */
  readonly collector: string;
  /** When it begins: µs since the Unix epoch, a whole second. */
  readonly startedAt: number;
  /** What it hears. */
  readonly traffic: TrafficOptions;
}

/** One batch of it. */
export interface PlannedBatch {
  /** Encoded. */
  readonly bytes: Uint8Array;
  /** How many receipts it holds. */
  readonly receipts: number;
  /** When it is closed: µs since the run's begin. */
  readonly closedAt: number;
}

/** What all batches together hold. */
export interface PlannedTotals {
  /** Batches, and their bytes. */
  batches: number;
  /** See {@link PlannedTotals.batches}. */
  bytes: number;
  /** Receipts. */
  receipts: number;
  /** The sum of their times, in µs since the run's begin: any that is lost, doubled or changed changes it. */
  times: bigint;
  /** Distinct messages, and the bytes of their texts. */
  messages: number;
  /** See {@link PlannedTotals.messages}. */
  messageBytes: number;
}

/** The batches of a run, made one by one. */
export class PlannedBatches {
  /** What the batches given so far hold. */
  readonly totals: PlannedTotals = {
    batches: 0,
    bytes: 0,
    receipts: 0,
    times: 0n,
    messages: 0,
    messageBytes: 0,
  };
  readonly #onMessage: (message: PlannedMessage) => void;
  readonly #factory: MessageFactory;
  readonly #sessions: PlannedSessions;
  /** Texts that no batch has named yet. */
  readonly #raws = new Map<number, Uint8Array>();
  /** By planned message: its number in the epoch, dealt at first sight; before it −1. */
  readonly #numbers: Int32Array;
  /** A bit for each message and peer: whether it was delivered. */
  readonly #seen: Uint8Array;
  readonly #columns = new ReceiptColumns(MAX_RECEIPTS);
  #news: { numbers: number[]; raws: Uint8Array[]; bytes: number } = none();

  /** Nothing is planned yet. @param onMessage told once a message, in order of creation. */
  constructor(
    private readonly run: PlannedRun,
    onMessage: (message: PlannedMessage) => void = () => {},
  ) {
    const { traffic: options, startedAt } = run;
    this.#onMessage = onMessage;
    const universe = new Universe(options.seed, originCounts(options));
    this.#factory = new MessageFactory({ universe, startedAt: startedAt / 1e6, sign: false });
    this.#sessions = new PlannedSessions(startedAt, options, universe);
    const messages = messageCount(options);
    this.#numbers = new Int32Array(messages).fill(-1);
    this.#seen = new Uint8Array(Math.ceil(messages * options.peers / 8));
  }

  /** All of them, in order; to be called once. */
  *batches(): Generator<PlannedBatch, void, void> {
    const columns = this.#columns;
    const slices = timeline(
      traffic(this.run.traffic),
      SLICE_MICROSECONDS,
      (message) => this.#plan(message),
    );
    let events = this.#sessions.opened();
    for (const { count, times, peers, messages } of slices) {
      for (let i = 0; i < count; i++) {
        if (this.#isFull(times[i])) {
          yield this.#close(events);
          events = [];
        }
        const flags = this.#isRepeat(messages[i], peers[i]) ? RECEIPT_REPEAT : 0;
        columns.push(times[i], this.#number(messages[i]), peers[i], flags);
        this.#sessions.note(peers[i], times[i]);
      }
    }
    yield this.#close([...events, ...this.#sessions.closed(this.totals.receipts + columns.count)]);
  }

  /** Makes the text of a message that anyone delivers. */
  #plan(message: PlannedMessage): void {
    this.#onMessage(message);
    const raw = this.#factory.make(message);
    if (message.deliveries > 0) this.#raws.set(message.number, raw);
  }

  #isFull(time: number): boolean {
    const { count, times } = this.#columns;
    return count === MAX_RECEIPTS || this.#news.bytes >= MAX_TEXT_BYTES ||
      count > 0 && time - times[0] >= MAX_AGE_MICROSECONDS;
  }

  #number(message: number): number {
    let number = this.#numbers[message];
    if (number < 0) {
      number = this.#numbers[message] = this.totals.messages++;
      const raw = this.#raws.get(message)!;
      this.#raws.delete(message);
      this.#news.numbers.push(number);
      this.#news.raws.push(raw);
      this.#news.bytes += raw.length;
    }
    return number;
  }

  #isRepeat(message: number, peer: number): boolean {
    const at = message * this.run.traffic.peers + peer;
    const bit = 1 << (at % 8);
    const place = Math.floor(at / 8);
    const isRepeat = (this.#seen[place] & bit) !== 0;
    this.#seen[place] |= bit;
    return isRepeat;
  }

  #close(events: readonly CollectorEvent[]): PlannedBatch {
    const { totals } = this;
    const { collector, startedAt } = this.run;
    const { count: receipts, times } = this.#columns;
    const news = Uint32Array.from(this.#news.numbers);
    const batch: Batch = {
      collector,
      epoch: startedAt,
      number: totals.batches,
      receiptsBefore: totals.receipts,
      messages: { numbers: news, raws: this.#news.raws },
      verdicts: {
        numbers: news,
        codes: new Uint8Array(news.length).fill(VERDICTS.indexOf("valid")),
      },
      receipts: this.#columns.receipts(startedAt),
      events,
    };
    const bytes = encodeBatch(batch);
    const closedAt = receipts > 0 ? times[receipts - 1] : 0;
    totals.batches++;
    totals.bytes += bytes.length;
    totals.receipts += receipts;
    totals.times += this.#columns.timesSum();
    totals.messageBytes += this.#news.bytes;
    this.#columns.clear();
    this.#news = none();
    return { bytes, receipts, closedAt };
  }
}

function none(): { numbers: number[]; raws: Uint8Array[]; bytes: number } {
  return { numbers: [], raws: [], bytes: 0 };
}
