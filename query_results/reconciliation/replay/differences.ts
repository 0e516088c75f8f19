// How far apart two peers are, and whether that agrees with λ·E[Δ] and λ·E[min(Δ, T)]. Pure.

import type { Random } from "../../../shared/random.ts";
import { formatDuration } from "../../format/numbers.ts";
import { type Cell, type Table, tableOf } from "../../format/table.ts";
import { mean } from "../calibration/statistics.ts";
import {
  blockOf,
  CellHistogram,
  CellSums,
  countQuantile,
  interval,
  type Resamples,
} from "./bootstrap.ts";
import { type Pair, quantiles } from "./pairs.ts";
import { NEVER, receiptsOf, type Recording } from "./recording.ts";
import { ALL, COMMON, differencesOf, KINDS, roundsOf } from "./rounds.ts";

/** Seconds of network time between syncs. */
export const SYNC_SECONDS = [1, 5, 10, 30, 60, 120, 300, 600];
/** Fewer rounds per pair are no distribution. */
const LEAST_ROUNDS = 3;
const BY_PAIR = [0.05, 0.5, 0.95];
const BY_ROUND = [0.5, 0.95, 0.999];
/** Instants at which differences without any sync are counted. */
const LOOK_MS = 10_000;
/** An identity holds within this. */
const TOLERANCE = 0.02;
/** Differences that last longer than this share of the window weigh at its edges. */
const SHORT_SHARE = 0.05;

export interface Differences {
  readonly differences: Table;
  readonly identities: Table;
}

/** The tables of questions 1 and 2, and of the identities. */
export function compareDifferences(
  recording: Recording,
  pairs: readonly Pair[],
  resamples: Resamples,
  random: Random,
  syncSeconds: readonly number[] = SYNC_SECONDS,
): Differences {
  const rows: Cell[][] = [], identities: Cell[][] = [stationary(recording, pairs)];
  for (const seconds of syncSeconds) {
    const perPair = pairs.map((pair) => roundsOf(recording, pair, 1000 * seconds, random));
    if (perPair.some(({ count }) => count < LEAST_ROUNDS)) continue;
    KINDS.forEach((kind, k) => {
      const sums = new CellSums(pairs.length, resamples.blocks);
      const rounds = new CellSums(pairs.length, resamples.blocks);
      const histogram = new CellHistogram(pairs.length, resamples.blocks);
      const means = perPair.map((pairRounds, p) => {
        const counts = differencesOf(pairRounds, k);
        counts.forEach((difference, round) => {
          const block = blockOf(resamples, pairRounds.startMs + round * pairRounds.intervalMs);
          sums.add(p, block, difference);
          rounds.add(p, block, 1);
          histogram.add(p, block, difference);
        });
        return mean(counts);
      });
      if (histogram.most === 0) return;
      const counts = histogram.counts();
      const tail = BY_ROUND[2];
      rows.push([
        kind,
        seconds,
        rounds.total(),
        sums.total() / rounds.total(),
        ...interval(resamples, (weights) => sums.total(weights) / rounds.total(weights)),
        ...BY_ROUND.map((share) => countQuantile(counts, share)),
        ...interval(resamples, (weights) => countQuantile(histogram.counts(weights), tail)),
        histogram.most,
        ...quantiles(means, BY_PAIR),
      ]);
      if (k < ALL) return;
      const expected = mean(
        perPair.map(({ startMs, count }, p) =>
          expectedDifference(recording, pairs[p], startMs, 1000 * seconds, count, k === COMMON)
        ),
      );
      identities.push(
        identity(`E[min(Δ, ${seconds} s)], ${kind}`, expected, mean(means), "few rounds"),
      );
    });
  }
  return {
    differences: tableOf(
      "kind:text sync_seconds rounds mean mean_low mean_high p50 p95 p99_9 p99_9_low p99_9_high most " +
        "pair_p5 pair_p50 pair_p95",
      rows,
    ),
    identities: tableOf(
      "identity:text expected found off_percent holds:boolean why_not:text",
      identities,
    ),
  };
}

function identity(name: string, expected: number, found: number, reason: string): Cell[] {
  const off = found / expected - 1;
  const holds = Math.abs(off) <= TOLERANCE;
  return [`λ·${name}`, expected, found, 100 * off, holds, holds ? "" : reason];
}

/** λ·E[min(Δ, T)] over a pair's rounds; Δ of what only one delivers is infinite. */
function expectedDifference(
  recording: Recording,
  { a, b }: Pair,
  startMs: number,
  intervalMs: number,
  count: number,
  onlyCommon: boolean,
): number {
  const [receivedA, receivedB] = [receiptsOf(recording, a), receiptsOf(recording, b)];
  let sum = 0;
  for (let m = 0; m < recording.messages; m++) {
    const atA = receivedA[m], atB = receivedB[m];
    const isCommon = atA !== NEVER && atB !== NEVER;
    if (!isCommon && (onlyCommon || atA === atB)) continue;
    const first = isCommon ? Math.min(atA, atB) : Math.max(atA, atB);
    if (first < startMs || first >= startMs + count * intervalMs) continue;
    sum += isCommon ? Math.min(Math.abs(atA - atB), intervalMs) : intervalMs;
  }
  return sum / (count * intervalMs);
}

/**
 * λ·E[Δ]: what two peers that never sync differ by, of the messages that both deliver, at most a margin apart: of these
 * the window holds both receipts.
 */
function stationary(recording: Recording, pairs: readonly Pair[]): Cell[] {
  const { fromMs, untilMs, messages } = recording;
  const marginMs = fromMs;
  const spanMs = untilMs - fromMs, looks = Math.floor(spanMs / LOOK_MS);
  const look = (ms: number) => Math.min(looks, Math.max(0, Math.ceil((ms - fromMs) / LOOK_MS)));
  let expected = 0, found = 0, common = 0, differenceMs = 0;
  for (const { a, b } of pairs) {
    const [receivedA, receivedB] = [receiptsOf(recording, a), receiptsOf(recording, b)];
    for (let m = 0; m < messages; m++) {
      const atA = receivedA[m], atB = receivedB[m];
      if (atA === NEVER || atB === NEVER) continue;
      const first = Math.min(atA, atB), second = Math.max(atA, atB);
      if (second - first > marginMs) continue;
      // It differs at the looks from its first receipt until its second.
      found += look(second) - look(first);
      if (first < fromMs || first >= untilMs) continue;
      expected += second - first;
      differenceMs += second - first;
      common++;
    }
  }
  const meanMs = differenceMs / common;
  const reason = meanMs > SHORT_SHARE * spanMs
    ? `E[Δ] of ${formatDuration(meanMs / 1000)} is long beside the ${
      formatDuration(spanMs / 1000)
    } measured`
    : "the rate of messages changes within the window";
  return identity(
    `E[Δ ≤ ${marginMs / 1000} s], common`,
    expected / spanMs / pairs.length,
    found / looks / pairs.length,
    reason,
  );
}
