/**
 * The figures of the calibration table, from the receipts of a set of messages. Pure.
 *
 * @module
 */
import { ascending, mean, quantile, spearman, varianceShares } from "./statistics.ts";
import type { Delays } from "./traces.ts";

/** The run's unique messages per second that a peer delivers (measured on 2025-09-26: 2.61; the table says 2.44). */
const MESSAGES_PER_SECOND = 2.44;
/** Two peers with fewer messages in common say nothing about the pair. */
const LEAST_COMMON = 10;
const BY_PAIR = [0.05, 0.5, 0.95];
/** How many peers count as first. */
const FIRST_PLACES = 20;

/** What two peers differ by, over all pairs. */
interface Pairs {
  /** Mean |Δ| of a message's receipts from two peers, seconds. */
  readonly meanDifference: number;
  /** Of each pair the mean |Δ|, ascending. */
  readonly differences: Float64Array;
  /** Of each pair the mean of min(|Δ|, 30 s), ascending. */
  readonly within30: Float64Array;
  /** Of each pair the mean of min(|Δ|, 300 s), ascending. */
  readonly within300: Float64Array;
}

/**
 * The figures of one set, row by row in the order of `CALIBRATION_ROWS`.
 *
 * @param delays at least two messages; receipts that should not count are NaN.
 */
export function calibrationFigures(delays: Delays): number[][] {
  const sorted = delays.map((row) => row.filter((seconds) => !Number.isNaN(seconds)).sort());
  const delay = (share: number) => mean(sorted.map((row) => quantile(row, share)));
  const pairs = comparePairs(delays);
  const byPair = (means: Float64Array, scale: number) =>
    BY_PAIR.map((share) => scale * quantile(means, share));
  const { message, peer, rest } = varianceShares(delays);
  return [
    [0.25, 0.5, 0.75, 0.95].map(delay),
    [delay(0.05)],
    [pairs.meanDifference],
    byPair(pairs.differences, 1),
    // D(T) = λ·E[min(Δ, T)]: what one of two peers has and the other has not, just before a sync every T.
    byPair(pairs.within30, MESSAGES_PER_SECOND),
    byPair(pairs.within300, MESSAGES_PER_SECOND),
    [message, peer, rest],
    [meanSpearman(delays)],
    [peersWithHalfOfFirstPlaces(delays)],
  ];
}

/** The figures of several sets, averaged. */
export function averagedFigures(sets: readonly Delays[]): number[][] {
  const all = sets.map(calibrationFigures);
  return all[0].map((row, i) => row.map((_, j) => mean(all.map((figures) => figures[i][j]))));
}

function comparePairs(delays: Delays): Pairs {
  const peers = delays[0].length;
  // Peer by peer, so that a pair is two stretches of memory.
  const byPeer = Array.from(
    { length: peers },
    (_, p) => Float64Array.from(delays, (row) => row[p]),
  );
  const most = peers * (peers - 1) / 2;
  const [differences, within30, within300] = [0, 0, 0].map(() => new Float64Array(most));
  let pairs = 0;
  let total = 0;
  let receipts = 0;
  for (let a = 0; a < peers; a++) {
    for (let b = a + 1; b < peers; b++) {
      const [rowA, rowB] = [byPeer[a], byPeer[b]];
      let [sum, sum30, sum300, common] = [0, 0, 0, 0];
      for (let m = 0; m < rowA.length; m++) {
        const difference = Math.abs(rowA[m] - rowB[m]);
        if (Number.isNaN(difference)) continue;
        common++;
        sum += difference;
        sum30 += Math.min(difference, 30);
        sum300 += Math.min(difference, 300);
      }
      total += sum;
      receipts += common;
      if (common < LEAST_COMMON) continue;
      differences[pairs] = sum / common;
      within30[pairs] = sum30 / common;
      within300[pairs++] = sum300 / common;
    }
  }
  const ordered = (means: Float64Array) => means.subarray(0, pairs).sort();
  return {
    meanDifference: total / receipts,
    differences: ordered(differences),
    within30: ordered(within30),
    within300: ordered(within300),
  };
}

function meanSpearman(delays: Delays): number {
  const ordered = delays.map((row) => [row, ascending(row)] as const);
  return mean(ordered.flatMap((a, i) => ordered.slice(i + 1).map((b) => spearman(a, b))));
}

/** The fewest peers that together hold half of all messages' first {@link FIRST_PLACES} places. */
function peersWithHalfOfFirstPlaces(delays: Delays): number {
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
