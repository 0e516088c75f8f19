// How far planned traffic is from the real run. Pure.

import type { PlanStatistics } from "../../simnet/plan_statistics.ts";
import { GOSSIP_TYPES, REACH, REAL_RUN } from "../../simnet/real_run.ts";

/** Of each kind of figure the largest deviation, as a share of the real run's. */
export interface Deviations {
  /** Of a type's share of the messages, or of the receipts. */
  readonly shares: number;
  /** Of the messages' share that reached 1, 2–10, 11–50, 51–100, 101–500, 501–900 or more peers. */
  readonly reach: number;
  /** Of a percentile of the convergence delay. */
  readonly delays: number;
}

/** The most peers of each row of the histogram, as the real run's is told. */
const REACH_BOUNDS = [1, 10, 50, 100, 500, 900, Infinity];

/** Holds a plan against the real run. */
export function deviations({ byType, all, reach, convergence }: PlanStatistics): Deviations {
  const { messagesByType, messages, receiptsByType, receipts } = REAL_RUN;
  const shares = GOSSIP_TYPES.flatMap((type) => [
    off(byType[type].messages / all.messages, messagesByType[type] / messages),
    off(byType[type].receipts / all.receipts, receiptsByType[type] / receipts),
  ]);
  const real = histogram(REACH.map(({ low, messages }) => [low, messages.reduce((a, b) => a + b)]));
  const planned = histogram(reach.map((peers) => [peers, 1]));
  const delays = REAL_RUN.convergence.map(([, seconds], i) => off(convergence[i], seconds));
  return {
    shares: Math.max(...shares),
    reach: Math.max(...real.map((share, i) => off(planned[i], share))),
    delays: Math.max(...delays),
  };
}

function off(found: number, expected: number): number {
  return Math.abs(found / expected - 1);
}

/** The share of the messages in each row of {@link REACH_BOUNDS}; those that nobody delivered do not count. */
function histogram(counts: readonly (readonly [peers: number, messages: number])[]): number[] {
  const rows = REACH_BOUNDS.map(() => 0);
  for (const [peers, messages] of counts) {
    if (peers > 0) rows[REACH_BOUNDS.findIndex((most) => peers <= most)] += messages;
  }
  const sum = rows.reduce((a, b) => a + b);
  return rows.map((row) => row / sum);
}
