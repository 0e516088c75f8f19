/**
 * How large the next sketch is, and what it takes until one decodes. Nothing is decoded: a sketch of capacity c gives D
 * differences if and only if D ≤ c.
 *
 * @module
 */

/** How the capacity is chosen. */
export const ESTIMATORS = ["fixed", "k+D+c", "q", "ewma"] as const;
/** See {@link ESTIMATORS}. */
export type Estimator = typeof ESTIMATORS[number];

/** Weight of the last round in a moving mean (RFC 6298's, as is four times the deviation). */
const GAIN = 1 / 8;

/** BIP 330's q: what a difference has beyond the gap of the set sizes, per element of the smaller set. */
export function bip330Q(difference: number, gap: number, smaller: number): number {
  return Math.max(0, difference - gap) / smaller;
}

/** What one end of a link remembers of earlier rounds. */
export class Estimate {
  #last: number;
  #mean: number;
  #deviation: number;
  #q = 0.1;
  #isFirst = true;

  /** `minimum` is the least capacity, and the guess before the first round. */
  constructor(minimum: number) {
    this.#last = this.#mean = minimum;
    this.#deviation = minimum / 2;
  }

  /** The capacity for sets whose sizes are `gap` apart, the smaller of size `smaller`. */
  capacity(
    estimator: Estimator,
    { gap, smaller, minimum, most, fixed }: {
      readonly gap: number;
      readonly smaller: number;
      readonly minimum: number;
      readonly most: number;
      /** Of the estimator `fixed`. */
      readonly fixed: number;
    },
  ): number {
    const wanted = {
      "fixed": fixed,
      "k+D+c": gap + this.#last + minimum,
      "q": Math.ceil(gap + this.#q * smaller + 1),
      "ewma": Math.ceil(this.#mean + 4 * this.#deviation),
    }[estimator];
    return Math.min(most, Math.max(minimum, wanted));
  }

  /** Takes a round's outcome. */
  learn(difference: number, gap: number, smaller: number): void {
    if (this.#isFirst) [this.#mean, this.#deviation] = [difference, difference / 2];
    this.#isFirst = false;
    this.#last = difference;
    this.#deviation += 2 * GAIN * (Math.abs(difference - this.#mean) - this.#deviation);
    this.#mean += GAIN * (difference - this.#mean);
    if (smaller > 0) this.#q = bip330Q(difference, gap, smaller);
  }
}

/** The sizes to try in turn: the first, once `retryFactor` times it, the largest. With a factor of 1 the first alone. */
export function sketchSizes(first: number, retryFactor: number, most: number): number[] {
  if (retryFactor === 1) return [first];
  return [...new Set([first, Math.min(retryFactor * first, most), most])];
}
