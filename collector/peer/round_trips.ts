/**
 * Round-trip times of one session, in little memory however long it lasts.
 *
 * @module
 */

/** Times kept for the median: at a ping every 30 s, two hours of them, and from then on an even selection. */
const MAX_KEPT = 256;

/** Least, median and longest of a row of times. */
export class RoundTrips {
  #least = Infinity;
  #longest = -Infinity;
  #count = 0;
  /** Every `#stride`-th of them. */
  #kept: number[] = [];
  #stride = 1;

  /** Adds a time, µs. */
  add(microseconds: number): void {
    this.#least = Math.min(this.#least, microseconds);
    this.#longest = Math.max(this.#longest, microseconds);
    if (this.#count++ % this.#stride !== 0) return;
    this.#kept.push(microseconds);
    if (this.#kept.length < MAX_KEPT) return;
    this.#kept = this.#kept.filter((_, i) => i % 2 === 0);
    this.#stride *= 2;
  }

  /** The shortest, µs; null when there is none. */
  get min(): number | null {
    return this.#count === 0 ? null : this.#least;
  }

  /** The longest, µs; null when there is none. */
  get max(): number | null {
    return this.#count === 0 ? null : this.#longest;
  }

  /** The median of those kept (the lower one of two), µs; null when there is none. */
  get median(): number | null {
    if (this.#count === 0) return null;
    const sorted = this.#kept.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)];
  }
}
