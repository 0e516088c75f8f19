// What two peers would have found at each sync, had they reconciled every so often: counts by round. Pure.

import { type Random, randomInteger } from "../../../shared/random.ts";
import type { Pair } from "./pairs.ts";
import { NEVER, receiptsOf, type Recording } from "./recording.ts";

/** The draft BOLT's three sketches, in its order. */
export const TYPES = [258, 257, 256] as const;
/** What differences are counted of: a type, all, and the messages that both delivered at some time. */
export const KINDS = [
  "channel_update",
  "node_announcement",
  "channel_announcement",
  "all",
  "common",
] as const;
export const ALL = 3;
export const COMMON = 4;

/** A pair's rounds at one interval; three numbers per round, one of each type, but for {@link PairRounds.common}. */
export interface PairRounds {
  readonly count: number;
  /** When round 0 begins. */
  readonly startMs: number;
  readonly intervalMs: number;
  /** New messages of either peer, not known since an earlier sync. */
  readonly newA: Int32Array;
  readonly newB: Int32Array;
  /** Messages that only one has by the round's end. */
  readonly differences: Int32Array;
  /** By round: those of them that both deliver at some time. */
  readonly common: Int32Array;
}

/**
 * The rounds of a pair that syncs every `intervalMs`, from a random phase. After a sync both have what either had: a
 * message differs in the round of its first receipt, when the other's comes after the round's end or never.
 */
export function roundsOf(
  recording: Recording,
  { a, b }: Pair,
  intervalMs: number,
  random: Random,
): PairRounds {
  const { fromMs, untilMs, messages, type } = recording;
  const startMs = fromMs + randomInteger(random, intervalMs);
  const count = Math.max(0, Math.floor((untilMs - startMs) / intervalMs));
  const newA = new Int32Array(3 * count), newB = new Int32Array(3 * count);
  const differences = new Int32Array(3 * count), common = new Int32Array(count);
  const [receivedA, receivedB] = [receiptsOf(recording, a), receiptsOf(recording, b)];
  for (let m = 0; m < messages; m++) {
    const atA = receivedA[m], atB = receivedB[m];
    const first = atA === NEVER ? atB : atB === NEVER ? atA : Math.min(atA, atB);
    const round = Math.floor((first - startMs) / intervalMs);
    if (round < 0 || round >= count) continue;
    const endMs = startMs + (round + 1) * intervalMs;
    const hasA = atA !== NEVER && atA < endMs, hasB = atB !== NEVER && atB < endMs;
    const cell = 3 * round + 258 - type[m];
    if (hasA) newA[cell]++;
    if (hasB) newB[cell]++;
    if (hasA === hasB) continue;
    differences[cell]++;
    if (atA !== NEVER && atB !== NEVER) common[round]++;
  }
  return { count, startMs, intervalMs, newA, newB, differences, common };
}

/** The differences of one kind, by round. */
export function differencesOf(
  { differences, common, count }: PairRounds,
  kind: number,
): Int32Array {
  if (kind === COMMON) return common;
  if (kind < ALL) {
    return Int32Array.from({ length: count }, (_, round) => differences[3 * round + kind]);
  }
  return Int32Array.from({ length: count }, (_, round) => sum3(differences, round));
}

/** The sum over the types in a round. */
export function sum3(counts: Int32Array, round: number): number {
  return counts[3 * round] + counts[3 * round + 1] + counts[3 * round + 2];
}
