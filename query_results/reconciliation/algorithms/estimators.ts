// How large the next sketch is, and what it takes until one decodes. Nothing is decoded: a sketch of capacity c gives D
// differences if and only if D ≤ c.

import { addMs, decodeMs, type Machine } from "./costs.ts";
import { HEADER_BYTES, ID_BYTES, wireBytes } from "./wire.ts";

/** How the capacity is chosen. */
export const ESTIMATORS = ["fixed", "k+D+c", "q", "ewma"] as const;
export type Estimator = typeof ESTIMATORS[number];

/** How sketches are sized, and what is done when one fails. */
export interface SketchDesign {
  readonly bits: number;
  readonly estimator: Estimator;
  /** Capacities of `fixed` by type: channel_update, node_announcement, channel_announcement. */
  readonly fixed: readonly number[];
  /** The c of `k+D+c`, and the least capacity of all estimators. */
  readonly minimum: number;
  /** The largest sketch. */
  readonly capacity: number;
  /** A failed sketch grows by this, once; then the largest is sent. 1: all ids follow at once. */
  readonly retry_factor: number;
  /** A sketch per type, or one of all. */
  readonly per_type: boolean;
  /** Sketches sent at most before all ids follow. */
  readonly tries?: number;
}

/** The types that a design's sketches are of. */
export function sketchedTypes({ per_type }: SketchDesign): readonly (readonly number[])[] {
  return per_type ? [[0], [1], [2]] : [[0, 1, 2]];
}

/** What a sketch in a round is of. */
export interface SketchedSets {
  readonly types: readonly number[];
  /** What came since the last round at either end. */
  readonly here: number;
  readonly there: number;
  /** Between the sizes of the two sets. */
  readonly gap: number;
  readonly difference: number;
}

/**
 * One kind's sketches in one round, until one decodes: the capacities tried, bytes on the wire, and milliseconds of both
 * ends by machine. `isBad`: an end's sketches are wrong.
 */
export function sketchRound(
  design: SketchDesign,
  estimate: Estimate,
  { types, here, there, gap, difference }: SketchedSets,
  machines: readonly Machine[],
  isBad = false,
): { tried: number[]; bytes: number; machineMs: number[]; isDone: boolean } {
  const { bits, retry_factor, capacity: most, tries } = design;
  const smaller = Math.min(here, there);
  const fixed = types.reduce((sum, type) => sum + design.fixed[type], 0);
  const first = estimate.capacity(design, gap, smaller, fixed);
  const tried: number[] = [], machineMs = machines.map(() => 0);
  let sent = 0, bytes = 0, isDone = false;
  for (const capacity of sketchSizes(first, retry_factor, most).slice(0, tries)) {
    // A smaller sketch is a prefix: only the rest is sent.
    bytes += wireBytes(HEADER_BYTES + Math.ceil(bits * (capacity - sent) / 8));
    machines.forEach((machine, i) => {
      machineMs[i] += addMs(machine, capacity - sent, here + there) +
        decodeMs(machine, bits, capacity, difference);
    });
    sent = capacity;
    tried.push(capacity);
    isDone = !isBad && difference <= capacity;
    if (isDone) break;
  }
  estimate.learn(difference, gap, smaller);
  return { tried, bytes, machineMs, isDone };
}

/** Bytes when both ends send all ids that came since the last round, framed. */
export function allIdsBytes(ids: number): number {
  return ID_BYTES * ids + 2 * wireBytes(HEADER_BYTES);
}

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
    { estimator, minimum, capacity: most }: SketchDesign,
    gap: number,
    smaller: number,
    fixed: number,
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
