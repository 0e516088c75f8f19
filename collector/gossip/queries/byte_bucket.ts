/**
 * How many bytes may be sent in a time. A message may be begun while there is anything left, and what it takes beyond
 * that is owed: so any message passes sooner or later, and the rate holds all the same.
 *
 * @module
 */

/** A bucket that is full at first. */
export interface ByteRate {
  /** Bytes that may go at once. */
  readonly burstBytes: number;
  /** Bytes that come back in a second. */
  readonly bytesPerSecond: number;
}

const SECOND = 1_000_000;

/** Bytes left, by the time that `now` tells: µs since the Unix epoch, never descending. */
export class ByteBucket {
  #left: number;
  #at = 0;

  /** Starts full. */
  constructor(private readonly rate: ByteRate) {
    this.#left = rate.burstBytes;
  }

  /** Takes bytes, whether they are left or not. */
  spend(bytes: number, now: number): void {
    this.#fill(now);
    this.#left -= bytes;
  }

  /** When there is anything left: `now` or later, µs. */
  readyAt(now: number): number {
    this.#fill(now);
    if (this.#left > 0) return now;
    return now + Math.ceil((1 - this.#left) / this.rate.bytesPerSecond * SECOND);
  }

  #fill(now: number): void {
    const back = Math.max(0, now - this.#at) / SECOND * this.rate.bytesPerSecond;
    this.#left = Math.min(this.rate.burstBytes, this.#left + back);
    this.#at = now;
  }
}
