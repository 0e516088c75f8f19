// The receipts of one batch as they are planned. Pure.

import type { Receipts } from "../../shared/batch/batch.ts";

/** Columns that are filled again and again. */
export class ReceiptColumns {
  /** How many receipts there are: the first ones of each column. */
  count = 0;
  /** When each is taken: µs since the run's begin. */
  readonly times: Float64Array;
  readonly #messages: Uint32Array;
  readonly #sessions: Uint32Array;
  readonly #flags: Uint8Array;

  /** Room for so many. */
  constructor(capacity: number) {
    this.times = new Float64Array(capacity);
    this.#messages = new Uint32Array(capacity);
    this.#sessions = new Uint32Array(capacity);
    this.#flags = new Uint8Array(capacity);
  }

  /** Adds one; there must be room. */
  push(time: number, message: number, session: number, flags: number): void {
    this.times[this.count] = time;
    this.#messages[this.count] = message;
    this.#sessions[this.count] = session;
    this.#flags[this.count++] = flags;
  }

  /** The columns as a batch has them, times counted from `startedAt`; good until the next {@link push}. */
  receipts(startedAt: number): Receipts {
    const { count } = this;
    return {
      receivedAt: this.times.subarray(0, count).map((time) => startedAt + time),
      messages: this.#messages.subarray(0, count),
      sessions: this.#sessions.subarray(0, count),
      flags: this.#flags.subarray(0, count),
    };
  }

  /** The sum of {@link times}. */
  timesSum(): bigint {
    let sum = 0;
    // A batch of 16,384 receipts within a day stays below 2^53.
    for (let i = 0; i < this.count; i++) sum += this.times[i];
    return BigInt(sum);
  }

  /** Forgets them. */
  clear(): void {
    this.count = 0;
  }
}
