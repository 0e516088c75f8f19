// Replays designs on the pairs' rounds: failed rounds, bytes, and how steady BIP 330's q is. Pure.

import { UserError } from "../../../shared/errors.ts";
import type { Random } from "../../../shared/random.ts";
import { type Cell, type Table, tableOf } from "../../format/table.ts";
import {
  allIdsBytes,
  bip330Q,
  Estimate,
  type SketchDesign,
  sketchedTypes,
  sketchRound,
} from "../algorithms/estimators.ts";
import { mean } from "../calibration/statistics.ts";
import { blockOf, CellSums, countQuantile, ratio, type Resamples } from "./bootstrap.ts";
import { type Pair, quantiles } from "./pairs.ts";
import type { Recording } from "./recording.ts";
import { type PairRounds, roundsOf, sum3, TYPES } from "./rounds.ts";

/** Seconds of network time between syncs. */
const SYNC_SECONDS = [15, 30, 60, 120];
/** The draft BOLT's interval. */
export const DRAFT_SECONDS = 30;
const LEAST_ROUNDS = 6;
const MACHINES = ["server", "pi5"] as const;

/** A design that is replayed. */
export interface Preset extends SketchDesign {
  /** `fixed` is the 99.9 % quantile of the first half of all pairs' rounds, judged on the second half. */
  readonly isTrained?: boolean;
}

/** The draft leaves its minimum c open; 8 is the simulator's too. */
const DRAFT: Preset = {
  bits: 64,
  estimator: "k+D+c",
  fixed: [512, 384, 32],
  minimum: 8,
  capacity: 1024,
  retry_factor: 3,
  per_type: true,
};
/** One sketch of 32-bit salted ids; one extension to twice the capacity, then all ids. */
const BIP330 = { ...DRAFT, bits: 32, minimum: 1, capacity: 4096, retry_factor: 2, per_type: false };

export const PRESETS: Readonly<Record<string, Preset>> = {
  "draft-bolt": DRAFT,
  "bip330": { ...BIP330, estimator: "q", tries: 2 },
  "fixed-512-384-32": { ...DRAFT, estimator: "fixed", retry_factor: 1 },
  "ewma": { ...DRAFT, estimator: "ewma" },
  "quantile": { ...DRAFT, estimator: "fixed", retry_factor: 1, isTrained: true },
};

/** What a design costs on one link. */
export interface DesignCost {
  readonly preset: string;
  readonly syncSeconds: number;
  /** Each with the ends of its interval. */
  readonly failed: readonly [value: number, low: number, high: number];
  /** Sketches and ids, framed, per difference. */
  readonly bytesPerDifference: readonly [value: number, low: number, high: number];
  /** The same per round. */
  readonly bytesPerRound: readonly [value: number, low: number, high: number];
  readonly fallbackShare: number;
  readonly differencesPerRound: number;
  readonly elementsPerRound: number;
  readonly capacity: number;
  /** By machine: milliseconds of both ends per round. */
  readonly machineMs: readonly number[];
}

/** The costs of all presets at all intervals that the window has room for. */
export function replayDesigns(
  recording: Recording,
  pairs: readonly Pair[],
  resamples: Resamples,
  random: Random,
  syncSeconds: readonly number[] = SYNC_SECONDS,
): DesignCost[] {
  return syncSeconds.flatMap((seconds) => {
    const rounds = pairs.map((pair) => roundsOf(recording, pair, 1000 * seconds, random));
    if (rounds.some(({ count }) => count < LEAST_ROUNDS)) return [];
    return Object.entries(PRESETS).map(([name, preset]) =>
      replayDesign(name, preset, seconds, rounds, resamples)
    );
  });
}

function replayDesign(
  name: string,
  preset: Preset,
  syncSeconds: number,
  perPair: readonly PairRounds[],
  resamples: Resamples,
): DesignCost {
  const sums = () => new CellSums(perPair.length, resamples.blocks);
  const [rounds, failed, bytes, differences] = [sums(), sums(), sums(), sums()];
  let fallbacks = 0, elements = 0, capacities = 0;
  const machineMs = MACHINES.map(() => 0);
  const design = preset.isTrained ? { ...preset, fixed: trainedSizes(perPair) } : preset;
  const groups = sketchedTypes(design);
  perPair.forEach((pair, p) => {
    const estimates = groups.map(() => new Estimate(design.minimum));
    for (let round = preset.isTrained ? pair.count >> 1 : 0; round < pair.count; round++) {
      const block = blockOf(resamples, pair.startMs + round * pair.intervalMs);
      let isFailed = false, isFallback = false;
      groups.forEach((types, group) => {
        const sum = (counts: Int32Array) =>
          types.reduce((total, type) => total + counts[3 * round + type], 0);
        const [here, there, difference] = [sum(pair.newA), sum(pair.newB), sum(pair.differences)];
        const sets = { types, here, there, gap: Math.abs(here - there), difference };
        const { tried, isDone, ...cost } = sketchRound(design, estimates[group], sets, MACHINES);
        bytes.add(p, block, cost.bytes + (isDone ? 0 : allIdsBytes(here + there)));
        cost.machineMs.forEach((ms, i) => machineMs[i] += ms);
        isFailed ||= difference > tried[0];
        isFallback ||= !isDone;
        capacities += tried[0];
      });
      rounds.add(p, block, 1);
      failed.add(p, block, Number(isFailed));
      differences.add(p, block, sum3(pair.differences, round));
      elements += (sum3(pair.newA, round) + sum3(pair.newB, round)) / 2;
      fallbacks += Number(isFallback);
    }
  });
  const count = rounds.total();
  return {
    preset: name,
    syncSeconds,
    failed: ratio(resamples, failed, rounds),
    bytesPerDifference: ratio(resamples, bytes, differences),
    bytesPerRound: ratio(resamples, bytes, rounds),
    fallbackShare: fallbacks / count,
    differencesPerRound: differences.total() / count,
    elementsPerRound: elements / count,
    capacity: capacities / count,
    machineMs: machineMs.map((ms) => ms / count),
  };
}

/** By type: the 99.9 % quantile of the differences in the first half of the rounds. */
function trainedSizes(perPair: readonly PairRounds[]): number[] {
  return TYPES.map((_, type) => {
    const seen = perPair.flatMap(({ count, differences }) =>
      Array.from({ length: count >> 1 }, (_, round) => differences[3 * round + type])
    );
    const counts = new Float64Array(seen.reduce((a, b) => Math.max(a, b), 0) + 1);
    for (const difference of seen) counts[difference]++;
    return Math.max(1, countQuantile(counts, 0.999));
  });
}

/** The draft BOLT's row. @throws {UserError} when the window is too short for its rounds. */
export function draftOf(designs: readonly DesignCost[]): DesignCost {
  const draft = designs.find(({ preset, syncSeconds }) =>
    preset === "draft-bolt" && syncSeconds === DRAFT_SECONDS
  );
  if (draft) return draft;
  throw new UserError(
    `Cannot replay rounds of ${DRAFT_SECONDS} s: the window is too short for several of them`,
  );
}

/** The table of question 3. */
export function estimatorTable(designs: readonly DesignCost[]): Table {
  return tableOf(
    "preset:text sync_seconds failed_share failed_low failed_high fallback_share bytes_per_difference bytes_low " +
      "bytes_high mean_capacity mean_difference",
    designs.map((design) => [
      design.preset,
      design.syncSeconds,
      ...design.failed,
      design.fallbackShare,
      ...design.bytesPerDifference,
      design.capacity,
      design.differencesPerRound,
    ]),
  );
}

/** The table of question 4: BIP 330's q over rounds and pairs. */
export function qTable(recording: Recording, pairs: readonly Pair[], random: Random): Table {
  const rows = SYNC_SECONDS.flatMap((seconds): Cell[][] => {
    const means: number[] = [], lags: number[] = [], all: number[] = [];
    for (const pair of pairs) {
      const rounds = roundsOf(recording, pair, 1000 * seconds, random);
      const q: number[] = [];
      for (let round = 0; round < rounds.count; round++) {
        const [a, b] = [sum3(rounds.newA, round), sum3(rounds.newB, round)];
        if (Math.min(a, b) === 0) continue;
        q.push(bip330Q(sum3(rounds.differences, round), Math.abs(a - b), Math.min(a, b)));
      }
      if (q.length < LEAST_ROUNDS) continue;
      all.push(...q);
      means.push(mean(q));
      lags.push(lagOne(q));
    }
    if (all.length === 0) return [];
    return [[
      seconds,
      all.length,
      mean(all),
      deviation(all),
      ...quantiles(all, [0.05, 0.5, 0.95]),
      mean(lags.filter((lag) => !Number.isNaN(lag))),
      deviation(means),
    ]];
  });
  return tableOf("sync_seconds rounds mean_q sd_q q_p5 q_p50 q_p95 lag_1 sd_between_pairs", rows);
}

function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}

/** The lag-1 autocorrelation; NaN of equal values. */
function lagOne(values: readonly number[]): number {
  const centre = mean(values);
  let products = 0, squares = 0;
  values.forEach((value, i) => {
    squares += (value - centre) ** 2;
    if (i > 0) products += (value - centre) * (values[i - 1] - centre);
  });
  return products / squares;
}
