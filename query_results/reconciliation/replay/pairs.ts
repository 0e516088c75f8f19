// Which pairs of peers stand for all: drawn by a seed, stratified by pace and implementation. Pure.

import { type Random, shuffled } from "../../../shared/random.ts";
import { quantile } from "../calibration/statistics.ts";
import { NEVER, receiptsOf, type Recording } from "./recording.ts";

export interface Pair {
  readonly a: number;
  readonly b: number;
  /** The two peers' strata, e.g. `fast 1, slow 2`. */
  readonly strata: string;
}

/** Implementations, or sets of bits in their place, that count; the rarer ones together are one more. */
const IMPLEMENTATIONS = 3;

/** By peer: mean delay in seconds of the measured messages; NaN where it delivered none. */
export function meanDelays(recording: Recording, from = 0, step = 1): Float64Array {
  const { firstMs, fromMs, untilMs, messages, features } = recording;
  return Float64Array.from(features, (_, peer) => {
    const received = receiptsOf(recording, peer);
    let sum = 0, count = 0;
    for (let m = from; m < messages; m += step) {
      if (received[m] === NEVER || firstMs[m] < fromMs || firstMs[m] >= untilMs) continue;
      sum += received[m] - firstMs[m];
      count++;
    }
    return sum / count / 1000;
  });
}

/** By peer: `fast` or `slow`, and its implementation's rank by number of peers. */
function strataOf(recording: Recording): string[] {
  const delays = meanDelays(recording);
  const median = quantile(delays.filter((delay) => !Number.isNaN(delay)).sort(), 0.5);
  const groups = [...Map.groupBy(recording.features, (bits) => bits)]
    .sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1)).map(([bits]) => bits);
  return recording.features.map((bits, peer) => {
    const rank = Math.min(groups.indexOf(bits), IMPLEMENTATIONS);
    return `${delays[peer] <= median ? "fast" : "slow"} ${rank + 1}`;
  });
}

/**
 * Draws `count` pairs, fewer where there are not as many. Each kind of pair, such as two slow peers of one implementation,
 * gets its share among all pairs; within it those peers come first that are in the fewest pairs so far.
 */
export function drawPairs(recording: Recording, count: number, random: Random): Pair[] {
  const strata = strataOf(recording);
  const peers = strata.length;
  const members = Map.groupBy(shuffled([...strata.keys()], random), (peer) => strata[peer]);
  const names = [...members.keys()].sort();
  const kinds = names.flatMap((s, i) =>
    names.slice(i).map((t) => {
      const [n, m] = [members.get(s)!.length, members.get(t)!.length];
      return { s, t, possible: s === t ? n * (n - 1) / 2 : n * m, drawn: 0 };
    })
  );
  const possible = peers * (peers - 1) / 2, wanted = Math.min(count, possible);
  // Largest remainders: the shares add up to the whole.
  const exact = kinds.map((kind) => wanted * kind.possible / possible);
  kinds.forEach((kind, i) => kind.drawn = Math.floor(exact[i]));
  const left = wanted - kinds.reduce((sum, { drawn }) => sum + drawn, 0);
  [...kinds.keys()].sort((i, j) => (exact[j] % 1) - (exact[i] % 1) || i - j).slice(0, left)
    .forEach((i) => kinds[i].drawn++);

  const used = new Int32Array(peers);
  const taken = new Set<number>();
  const pairs: Pair[] = [];
  for (const { s, t, drawn } of kinds) {
    for (let i = 0; i < drawn; i++) {
      const pair = leastUsed(members.get(s)!, members.get(t)!, used, taken);
      if (pair === null) break;
      const [a, b] = pair;
      used[a]++;
      used[b]++;
      taken.add(Math.min(a, b) * peers + Math.max(a, b));
      pairs.push({ a, b, strata: `${s}, ${t}` });
    }
  }
  return pairs;
}

function leastUsed(
  as: readonly number[],
  bs: readonly number[],
  used: Int32Array,
  taken: ReadonlySet<number>,
): [number, number] | null {
  const byUse = (list: readonly number[]) => list.toSorted((x, y) => used[x] - used[y]);
  const others = byUse(bs);
  for (const a of byUse(as)) {
    for (const b of others) {
      if (a === b || taken.has(Math.min(a, b) * used.length + Math.max(a, b))) continue;
      return [a, b];
    }
  }
  return null;
}

/** Messages that either of the pair had first while measured, and what of them only one ever delivered. */
export function onlyOneShare(recording: Recording, { a, b }: Pair, type: number | null): number {
  const [first, second] = [receiptsOf(recording, a), receiptsOf(recording, b)];
  const { firstMs, fromMs, untilMs, messages } = recording;
  let either = 0, one = 0;
  for (let m = 0; m < messages; m++) {
    if (type !== null && recording.type[m] !== type) continue;
    if (firstMs[m] < fromMs || firstMs[m] >= untilMs) continue;
    const had = Number(first[m] !== NEVER) + Number(second[m] !== NEVER);
    if (had > 0) either++;
    if (had === 1) one++;
  }
  return one / either;
}

/** The quantiles of numbers in any order, NaN left out; NaN without any. */
export function quantiles(values: ArrayLike<number>, shares: readonly number[]): number[] {
  const sorted = Float64Array.from(values).filter((value) => !Number.isNaN(value)).sort();
  return sorted.length === 0
    ? shares.map(() => NaN)
    : shares.map((share) => quantile(sorted, share));
}
