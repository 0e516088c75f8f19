// The batch that receipts go into until it is closed.

import type { Batch, CollectorEvent } from "../../shared/batch/batch.ts";
import {
  BODY_OVERHEAD_BYTES,
  MAX_BATCH_MESSAGES,
  MESSAGE_OVERHEAD_BYTES,
  RECEIPT_BYTES,
  VERDICT_BYTES,
} from "../../shared/batch/body.ts";
import { MAX_BATCH_BYTES } from "../../shared/batch/codec.ts";
import { MAX_BATCH_EVENTS } from "../../shared/batch/events.ts";
import type { Journal, Place } from "./journal.ts";

/**
 * A batch is full when it may take more than this. What is left to {@link MAX_BATCH_BYTES} holds the largest single
 * addition, a session_opened event with 64 KiB of features (128 KiB in hex), and the header.
 */
const FULL_BYTES = MAX_BATCH_BYTES - 192 * 1024;
/** This number of receipts fills a batch by their bytes alone. */
const MOST_RECEIPTS = Math.ceil(FULL_BYTES / RECEIPT_BYTES) + 1;

/** Verdicts kept before the columns grow. */
const VERDICTS_ROOM = 1024;

/** A batch that grows. Its columns are kept from one batch to the next. */
export class OpenBatch {
  openedAt: number | undefined;
  rawBytes = 0;
  receipts = 0;

  /** By log: those of the last receipts, of earlier batches too. */
  readonly places: Map<number, Place> = new Map();

  readonly #receivedAt: Float64Array;
  readonly #messages: Uint32Array;
  readonly #sessions: Uint32Array;
  readonly #flags: Uint8Array;
  /** A session that was stamped early may be heard late: its receipts are put in order when the batch is closed. */
  #ordered = true;

  readonly #raws = new Map<number, Uint8Array>();
  #verdicts = 0;
  #verdictNumbers = new Uint32Array(VERDICTS_ROOM);
  #verdictCodes = new Uint8Array(VERDICTS_ROOM);
  #events: CollectorEvent[] = [];

  /** Starts empty, with room for `maxReceipts` or as many as a batch can carry; what is added also goes to the journal. */
  constructor(maxReceipts: number, private readonly journal: Journal | null = null) {
    const room = Math.min(maxReceipts, MOST_RECEIPTS);
    this.#receivedAt = new Float64Array(room);
    this.#messages = new Uint32Array(room);
    this.#sessions = new Uint32Array(room);
    this.#flags = new Uint8Array(room);
  }

  get isFull(): boolean {
    return this.receipts === this.#flags.length || this.#verdicts === MAX_BATCH_MESSAGES ||
      this.#raws.size === MAX_BATCH_MESSAGES || this.#events.length === MAX_BATCH_EVENTS ||
      this.#mostBytes >= FULL_BYTES;
  }

  get #mostBytes(): number {
    return BODY_OVERHEAD_BYTES + this.rawBytes + RECEIPT_BYTES * this.receipts +
      MESSAGE_OVERHEAD_BYTES * this.#raws.size + VERDICT_BYTES * this.#verdicts;
  }

  addReceipt(
    receivedAt: number,
    message: number,
    session: number,
    flags: number,
    place?: Place,
  ): void {
    const at = this.receipts++;
    if (at > 0 && receivedAt < this.#receivedAt[at - 1]) this.#ordered = false;
    this.#receivedAt[at] = receivedAt;
    this.#messages[at] = message;
    this.#sessions[at] = session;
    this.#flags[at] = flags;
    if (place) this.places.set(place.log, place);
    this.journal?.receipt(receivedAt, message, session, flags, place);
  }

  /** Adds a message, unless it is in already; `raw` must not change any more. */
  addRaw(message: number, raw: Uint8Array): void {
    if (this.#raws.has(message)) return;
    this.#raws.set(message, raw);
    this.rawBytes += raw.length;
    this.journal?.raw(message, raw);
  }

  addVerdict(message: number, code: number): void {
    if (this.#verdicts === this.#verdictNumbers.length) this.#growVerdicts();
    this.#verdictNumbers[this.#verdicts] = message;
    this.#verdictCodes[this.#verdicts++] = code;
    this.journal?.verdict(message, code);
  }

  addEvent(event: CollectorEvent, json: Uint8Array): void {
    this.#events.push(event);
    this.rawBytes += json.length + 1;
    this.journal?.event(json);
  }

  /** What is in it, ready to encode; its columns hold only until the next addition. It is empty then. */
  take(): Pick<Batch, "messages" | "verdicts" | "receipts" | "events"> {
    const numbers = Uint32Array.from(this.#raws.keys()).sort();
    const content = {
      messages: { numbers, raws: Array.from(numbers, (number) => this.#raws.get(number)!) },
      verdicts: {
        numbers: this.#verdictNumbers.subarray(0, this.#verdicts),
        codes: this.#verdictCodes.subarray(0, this.#verdicts),
      },
      receipts: this.#takeReceipts(),
      events: this.#events,
    };
    this.openedAt = undefined;
    this.rawBytes = this.receipts = this.#verdicts = 0;
    this.#ordered = true;
    this.#raws.clear();
    this.#events = [];
    return content;
  }

  #takeReceipts(): Batch["receipts"] {
    const receipts = {
      receivedAt: this.#receivedAt.subarray(0, this.receipts),
      messages: this.#messages.subarray(0, this.receipts),
      sessions: this.#sessions.subarray(0, this.receipts),
      flags: this.#flags.subarray(0, this.receipts),
    };
    if (this.#ordered) return receipts;
    const { receivedAt } = receipts;
    // Array.prototype.sort is stable, so receipts of one time stay in the order in which they came.
    const order = Array.from(receivedAt.keys()).sort((a, b) => receivedAt[a] - receivedAt[b]);
    return {
      receivedAt: Float64Array.from(order, (i) => receivedAt[i]),
      messages: Uint32Array.from(order, (i) => receipts.messages[i]),
      sessions: Uint32Array.from(order, (i) => receipts.sessions[i]),
      flags: Uint8Array.from(order, (i) => receipts.flags[i]),
    };
  }

  #growVerdicts(): void {
    const numbers = new Uint32Array(2 * this.#verdicts);
    const codes = new Uint8Array(2 * this.#verdicts);
    numbers.set(this.#verdictNumbers);
    codes.set(this.#verdictCodes);
    this.#verdictNumbers = numbers;
    this.#verdictCodes = codes;
  }
}
