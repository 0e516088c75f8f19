// Intervals by bootstrap over pairs and hours: rounds of one pair, or of one hour, are alike, so that resampling them
// would claim too much. Pure.

import { type Random, randomInteger } from "../../../shared/random.ts";
import { quantiles } from "./pairs.ts";

/** Enough for the ends of a 95 % interval. */
const REPLICATES = 200;
const HOUR_MS = 3_600_000;
/** A window shorter than six hours has blocks of a sixth of it. */
const LEAST_BLOCKS = 6;
const ENDS = [0.025, 0.975];

/** How often each pair and each block of time counts in a resample. */
export interface Weights {
  readonly pairs: Uint8Array;
  readonly blocks: Uint8Array;
}

/** All resamples of a run: each statistic is taken over the same ones. */
export interface Resamples {
  readonly blockMs: number;
  readonly fromMs: number;
  readonly blocks: number;
  readonly weights: readonly Weights[];
}

/** Draws resamples of `pairs` pairs and the blocks from `fromMs` until `untilMs`. */
export function resample(
  pairs: number,
  fromMs: number,
  untilMs: number,
  random: Random,
): Resamples {
  const span = untilMs - fromMs;
  const blocks = Math.max(LEAST_BLOCKS, Math.round(span / HOUR_MS));
  const draw = (n: number) => {
    const counts = new Uint8Array(n);
    for (let i = 0; i < n; i++) counts[randomInteger(random, n)]++;
    return counts;
  };
  const weights = Array.from(
    { length: REPLICATES },
    () => ({ pairs: draw(pairs), blocks: draw(blocks) }),
  );
  return { blockMs: span / blocks, fromMs, blocks, weights };
}

/** The block of an instant. */
export function blockOf({ fromMs, blockMs, blocks }: Resamples, ms: number): number {
  return Math.min(blocks - 1, Math.max(0, Math.floor((ms - fromMs) / blockMs)));
}

/** The ends of a statistic's 95 % interval over the resamples. */
export function interval(
  { weights }: Resamples,
  statistic: (weights: Weights) => number,
): [low: number, high: number] {
  const [low, high] = quantiles(weights.map(statistic), ENDS);
  return [low, high];
}

/** Sums per pair and block, for ratios of sums. */
export class CellSums {
  readonly #sums: Float64Array;

  constructor(pairs: number, private readonly blocks: number) {
    this.#sums = new Float64Array(pairs * blocks);
  }

  add(pair: number, block: number, amount: number): void {
    this.#sums[pair * this.blocks + block] += amount;
  }

  /** The sum over all cells, each as often as a resample says; once each without one. */
  total(weights?: Weights): number {
    if (!weights) return this.#sums.reduce((sum, cell) => sum + cell, 0);
    let total = 0;
    for (let pair = 0; pair < weights.pairs.length; pair++) {
      if (weights.pairs[pair] === 0) continue;
      let row = 0;
      for (let block = 0; block < this.blocks; block++) {
        row += weights.blocks[block] * this.#sums[pair * this.blocks + block];
      }
      total += weights.pairs[pair] * row;
    }
    return total;
  }
}

/** A ratio of sums with its interval. */
export function ratio(
  resamples: Resamples,
  part: CellSums,
  whole: CellSums,
): [value: number, low: number, high: number] {
  const of = (weights?: Weights) => part.total(weights) / whole.total(weights);
  return [of(), ...interval(resamples, of)];
}

/** Counts of whole numbers per pair and block: a histogram of which any resample's quantiles can be read. */
export class CellHistogram {
  readonly #cells: Map<number, number>[];
  /** By cell: value, count, value, count …; a map's entries are slow to walk. */
  #flat: Int32Array[] | null = null;
  #most = 0;

  constructor(pairs: number, private readonly blocks: number) {
    this.#cells = Array.from({ length: pairs * blocks }, () => new Map());
  }

  add(pair: number, block: number, value: number): void {
    const cell = this.#cells[pair * this.blocks + block];
    cell.set(value, (cell.get(value) ?? 0) + 1);
    if (value > this.#most) this.#most = value;
  }

  get most(): number {
    return this.#most;
  }

  /** How often each value from 0 occurs. */
  counts(weights?: Weights): Float64Array {
    const counts = new Float64Array(this.#most + 1);
    this.#flat ??= this.#cells.map((cell) => Int32Array.from([...cell].flat()));
    this.#flat.forEach((cell, i) => {
      const pair = Math.floor(i / this.blocks);
      const weight = weights ? weights.pairs[pair] * weights.blocks[i % this.blocks] : 1;
      if (weight === 0) return;
      for (let at = 0; at < cell.length; at += 2) counts[cell[at]] += weight * cell[at + 1];
    });
    return counts;
  }
}

/** The least value that is not exceeded with a probability of more than 1 − `share`. */
export function countQuantile(counts: Float64Array, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (let value = 0; value < counts.length; value++) {
    below += counts[value];
    if (below >= share * total - 1e-9) return value;
  }
  return counts.length - 1;
}
