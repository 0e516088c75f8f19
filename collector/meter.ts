/**
 * A limit on how much of something may happen in a time.
 *
 * @module
 */

/** A token bucket: it holds `limit`, is full at first, and fills again at an even pace in `intervalMicroseconds`. */
export class Meter {
  #left: number;
  #at = -Infinity;

  /** Starts full; `limit` is the most that can be spent at once, the interval the time to fill from empty. */
  constructor(private readonly limit: number, private readonly intervalMicroseconds: number) {
    this.#left = limit;
  }

  /** Takes `amount` at the instant `now` (µs); false, and nothing is taken, when so much is not left. */
  spend(amount: number, now: number): boolean {
    const refill = (now - this.#at) / this.intervalMicroseconds * this.limit;
    this.#left = Math.min(this.limit, this.#left + refill);
    this.#at = now;
    if (amount > this.#left) return false;
    this.#left -= amount;
    return true;
  }
}
