// Changes of level: spans in which a rate stays above or below its usual one. Pure.

import { logNormalTail, medianOf } from "./tails.ts";

export interface Level {
  /** Bins, the last not included. */
  readonly from: number;
  readonly to: number;
  readonly observed: number;
  readonly expected: number;
  readonly logP: number;
}

export interface LevelOptions {
  /** Fewer bins make no level. */
  readonly leastBins: number;
  /** Smaller changes, as a factor up or down, are none. */
  readonly leastFactor: number;
}

/** Penalty per change, in squared deviations per ln n (BIC); what is found is then tested. */
const PENALTY = 2;

/**
 * Where counts leave the level that most bins have.
 * @param expected by bin, up to a factor; 0 leaves a bin out.
 */
export function findLevels(
  counts: Float64Array,
  expected: Float64Array,
  options: LevelOptions,
): Level[] {
  const bins = [...counts.keys()].filter((i) => expected[i] > 0);
  if (bins.length < 2 * options.leastBins) return [];
  const factor = medianOf(bins.map((i) => counts[i] / expected[i]));
  if (!(factor > 0)) return [];
  // The square root of a count has the same variance at all levels.
  const scale = medianOf(bins.map((i) => expected[i])) * factor;
  const values = Float64Array.from(
    bins,
    (i) => 2 * Math.sqrt(counts[i] / (expected[i] * factor) * scale + 3 / 8),
  );
  const deviation = differenceDeviation(values);
  const scaled = values.map((value) => value / deviation);
  const ends = pelt(scaled, PENALTY * Math.log(bins.length), options.leastBins);
  const usual = medianOf(scaled.slice());
  return ends.flatMap((to, s): Level[] => {
    const from = s === 0 ? 0 : ends[s - 1];
    let observed = 0, usually = 0, sum = 0;
    for (let i = from; i < to; i++) {
      observed += counts[bins[i]];
      usually += expected[bins[i]] * factor;
      sum += scaled[i] - usual;
    }
    const ratio = observed / usually;
    if (ratio < options.leastFactor && ratio > 1 / options.leastFactor) return [];
    // Any span could have been the one: Bonferroni over starts and ends.
    const logP = logNormalTail(sum / Math.sqrt(to - from)) + 2 * Math.log(bins.length);
    return [{
      from: bins[from],
      to: bins[to - 1] + 1,
      observed,
      expected: usually,
      logP: Math.min(0, logP),
    }];
  });
}

/** The deviation of neighbours' differences, which levels do not widen; at least that of a Poisson count. */
function differenceDeviation(values: Float64Array): number {
  const steps = Float64Array.from(
    { length: values.length - 1 },
    (_, i) => Math.abs(values[i + 1] - values[i]),
  );
  return Math.max(1, medianOf(steps) / (0.6745 * Math.SQRT2));
}

/**
 * Killick, Fearnhead and Eckley's PELT for changes of the mean of values with deviation 1, segments of at least `least`.
 * @returns the ends of the segments.
 */
export function pelt(values: Float64Array, penalty: number, least: number): number[] {
  const n = values.length;
  const sums = new Float64Array(n + 1), squares = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) {
    sums[i + 1] = sums[i] + values[i];
    squares[i + 1] = squares[i] + values[i] ** 2;
  }
  const cost = (a: number, b: number) =>
    squares[b] - squares[a] - (sums[b] - sums[a]) ** 2 / (b - a);
  const best = new Float64Array(n + 1).fill(Infinity);
  const last = new Int32Array(n + 1);
  best[0] = -penalty;
  let starts = [{ at: 0, until: Infinity }];
  for (let end = least; end <= n; end++) {
    const totals = starts.map(({ at }) => best[at] + cost(at, end) + penalty);
    totals.forEach((total, i) => {
      if (total < best[end]) [best[end], last[end]] = [total, starts[i].at];
    });
    totals.forEach((total, i) => {
      // A start that was dearer by a penalty is never the cheapest once a segment may begin here.
      if (total - penalty > best[end]) starts[i].until = Math.min(starts[i].until, end + least);
    });
    starts = starts.filter(({ until }) => end + 1 < until);
    const start = end + 1 - least;
    if (start >= least) starts.push({ at: start, until: Infinity });
  }
  const ends: number[] = [];
  for (let end = n; end > 0; end = last[end]) ends.unshift(end);
  return ends;
}
