// The figures of the calibration table, from the receipts of a set of messages. Pure.

import { ascending, mean, quantile, type Ranked, spearman, varianceShares } from "./statistics.ts";
import { present, type Trace } from "./traces.ts";

/** Unique messages/s that a peer of the run delivers, as the published D was computed. */
const MESSAGES_PER_SECOND = 2.44;
/** Two peers with fewer messages in common say nothing about the pair. */
const LEAST_COMMON = 10;
/** D(T) is looked at for these T, in seconds. */
const SYNC_SECONDS = [30, 300];
const BY_PAIR = [0.05, 0.5, 0.95];
const FIRST_PLACES = 20;

/**
 * The figures of one set, row by row in the order of `CALIBRATION_ROWS`.
 *
 * @param traces at least two messages; receipts that should not count are NaN.
 */
export function calibrationFigures(traces: readonly Trace[]): number[][] {
  const delays = traces.map((trace) => trace.delays);
  const sorted = delays.map(present);
  const delay = (share: number) => mean(sorted.map((row) => quantile(row, share)));
  const { meanDifference, byPair: [differences, ...capped] } = comparePairs(delays);
  const quantiles = (means: Float64Array) => BY_PAIR.map((share) => quantile(means, share));
  return [
    [0.25, 0.5, 0.75, 0.95].map(delay),
    [delay(0.05)],
    [meanDifference],
    quantiles(differences),
    // D(T) = λ·E[min(Δ, T)]: what only one of two peers has, just before a sync every T.
    ...capped.map((means) => quantiles(means).map((seconds) => MESSAGES_PER_SECOND * seconds)),
    varianceShares(delays),
    [meanSpearman(delays)],
    [peersWithHalfOfFirstPlaces(delays)],
  ];
}

/** The figures of several sets, averaged. */
export function averagedFigures(sets: readonly (readonly Trace[])[]): number[][] {
  const all = sets.map(calibrationFigures);
  return all[0].map((row, i) => row.map((_, j) => mean(all.map((figures) => figures[i][j]))));
}

/** Mean |Δ| over all receipts of two peers; by pair, ascending, mean |Δ| and mean min(|Δ|, T) of each T. Seconds. */
function comparePairs(delays: readonly Float64Array[]) {
  const peers = delays[0].length;
  // Peer by peer, so that a pair is two stretches of memory.
  const rows = Array.from({ length: peers }, (_, p) => Float64Array.from(delays, (row) => row[p]));
  const caps = [Infinity, ...SYNC_SECONDS];
  const byPair = caps.map(() => new Float64Array(peers * (peers - 1) / 2));
  const sums = new Float64Array(caps.length);
  let [pairs, total, receipts] = [0, 0, 0];
  for (let a = 0; a < peers; a++) {
    for (let b = a + 1; b < peers; b++) {
      const [rowA, rowB] = [rows[a], rows[b]];
      sums.fill(0);
      let common = 0;
      for (let m = 0; m < rowA.length; m++) {
        const difference = Math.abs(rowA[m] - rowB[m]);
        if (Number.isNaN(difference)) continue;
        common++;
        for (let i = 0; i < caps.length; i++) sums[i] += Math.min(difference, caps[i]);
      }
      total += sums[0];
      receipts += common;
      if (common < LEAST_COMMON) continue;
      byPair.forEach((means, i) => means[pairs] = sums[i] / common);
      pairs++;
    }
  }
  return {
    meanDifference: total / receipts,
    byPair: byPair.map((means) => means.subarray(0, pairs).sort()),
  };
}

function meanSpearman(delays: readonly Float64Array[]): number {
  const ranked = delays.map((row): Ranked => [row, ascending(row)]);
  return mean(ranked.flatMap((a, i) => ranked.slice(i + 1).map((b) => spearman(a, b))));
}

/** The fewest peers that together hold half of all messages' first {@link FIRST_PLACES} places. */
function peersWithHalfOfFirstPlaces(delays: readonly Float64Array[]): number {
  const places = new Float64Array(delays[0].length);
  let left = 0;
  for (const row of delays) {
    const first = ascending(row).subarray(0, FIRST_PLACES);
    for (const peer of first) places[peer]++;
    left += first.length / 2;
  }
  const held = places.sort().reverse();
  let peers = 0;
  while (left > 0) left -= held[peers++];
  return peers;
}
