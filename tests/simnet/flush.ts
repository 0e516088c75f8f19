// When a peer sends what it has: each implementation keeps gossip back for a timer of its own. Pure.

import type { Random } from "../../shared/random.ts";

/** The implementations, with the share of the peers that run them (assumed: the run did not publish it). */
export const IMPLEMENTATIONS = {
  lnd: { share: 0.75, periodSeconds: 90, subBatchSeconds: 5 },
  cln: { share: 0.15, periodSeconds: 60, subBatchSeconds: 60 },
  eclair: { share: 0.05, periodSeconds: 60, subBatchSeconds: 60 },
  ldk: { share: 0.05, periodSeconds: 0, subBatchSeconds: 0 },
} as const;

/** A node's software. */
export type Implementation = keyof typeof IMPLEMENTATIONS;

/** LND sends no sub-batch smaller than this, so a quiet one needs fewer sub-batches and shows its 90 s. */
const LND_LEAST_SUB_BATCH = 10;

/** One peer's timer. All times are whole µs. */
export interface FlushTimer {
  /** The software it imitates. */
  readonly implementation: Implementation;
  /** 0: sends at once. */
  readonly period: number;
  /** From one sub-batch to the next. */
  readonly step: number;
  /** Sub-batches a period. */
  readonly steps: number;
  /** When, within the period, its first sub-batch goes: its own for each connection. */
  readonly phase: number;
  /** How long a message waits on average. */
  readonly meanWait: number;
}

/**
 * A timer for a random implementation.
 *
 * @param deliveriesPerSecond how much the peer is going to send, which tells how many sub-batches LND makes.
 */
export function flushTimer(random: Random, deliveriesPerSecond: number): FlushTimer {
  const implementation = pick(random.next());
  const { periodSeconds, subBatchSeconds } = IMPLEMENTATIONS[implementation];
  const period = periodSeconds * 1e6;
  const step = subBatchSeconds * 1e6;
  const waiting = deliveriesPerSecond * periodSeconds;
  const most = step === 0 ? 1 : period / step;
  const steps = Math.min(most, Math.max(1, Math.ceil(waiting / LND_LEAST_SUB_BATCH)));
  const longest = period - (steps - 1) * step;
  return {
    implementation,
    period,
    step,
    steps,
    phase: Math.floor(random.next() * period),
    meanWait: period === 0 ? 0 : ((steps - 1) * step ** 2 + longest ** 2) / (2 * period),
  };
}

function pick(share: number): Implementation {
  let sum = 0;
  for (const [name, { share: part }] of Object.entries(IMPLEMENTATIONS)) {
    if (share < (sum += part)) return name as Implementation;
  }
  return "lnd";
}

/** When a message that is ready at `ready` (µs) leaves: the same instant for all that leave in one burst. */
export function flushAt(timer: FlushTimer, ready: number): number {
  const { period, step, steps, phase } = timer;
  if (period === 0) return Math.round(ready);
  const start = phase + Math.floor((ready - phase) / period) * period;
  const due = Math.ceil((ready - start) / step);
  return due < steps ? start + due * step : start + period;
}
