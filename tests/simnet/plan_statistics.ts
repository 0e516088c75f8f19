/**
 * What a plan of traffic amounts to, in the real run's terms. Pure.
 *
 * @module
 */
import { GOSSIP_TYPES, type GossipType, REAL_RUN } from "./real_run.ts";
import type { PlannedMessage } from "./traffic.ts";

/** Totals of one type. */
export interface TypeTotals {
  /** Distinct messages. */
  messages: number;
  /** Deliveries, each peer counted once a message. */
  receipts: number;
  /** Bytes of the distinct messages. */
  bytes: number;
}

/** What {@link planStatistics} finds. */
export interface PlanStatistics {
  /** By type. */
  readonly byType: Record<GossipType, TypeTotals>;
  /** Of all types. */
  readonly all: TypeTotals;
  /** Deliveries of a message that its peer had delivered before. */
  readonly repeats: number;
  /** By message: how many peers delivered it. */
  readonly reach: readonly number[];
  /** By message: its origin, with its type. */
  readonly origins: readonly { readonly type: GossipType; readonly origin: number }[];
  /** Mean seconds after the first receipt, by the shares of peers of {@link REAL_RUN.convergence}. */
  readonly convergence: readonly number[];
}

/** Measures all of `plan`, delays as the real run's query does. `compression` is the plan's. */
export function planStatistics(
  plan: Iterable<PlannedMessage>,
  peers: number,
  compression = 1,
): PlanStatistics {
  const totals = (): TypeTotals => ({ messages: 0, receipts: 0, bytes: 0 });
  const byType = { 256: totals(), 257: totals(), 258: totals() };
  const reach: number[] = [];
  const origins: { type: GossipType; origin: number }[] = [];
  const sums = REAL_RUN.convergence.map(() => 0);
  const least = REAL_RUN.convergenceLeastPeers * peers / REAL_RUN.peers;
  const cap = REAL_RUN.convergenceCapSeconds * 1e6 / compression;
  let repeats = 0;
  let converged = 0;
  for (const message of plan) {
    const first = firstByPeer(message);
    repeats += message.deliveries - first.length;
    reach.push(first.length);
    origins.push({ type: message.type, origin: message.origin });
    const of = byType[message.type];
    of.messages++;
    of.receipts += first.length;
    of.bytes += message.size;
    if (first.length < least) continue;
    converged++;
    const delays = first.sort().map((time) => time - first[0]).filter((delay) => delay <= cap);
    REAL_RUN.convergence.forEach(([share], i) => {
      sums[i] += quantile(delays, share) * compression / 1e6;
    });
  }
  const all = totals();
  for (const type of GOSSIP_TYPES) {
    all.messages += byType[type].messages;
    all.receipts += byType[type].receipts;
    all.bytes += byType[type].bytes;
  }
  return {
    byType,
    all,
    repeats,
    reach,
    origins,
    convergence: sums.map((sum) => sum / converged),
  };
}

function firstByPeer({ deliveries, peers, times }: PlannedMessage): Float64Array {
  const first = new Map<number, number>();
  for (let i = 0; i < deliveries; i++) {
    const time = first.get(peers[i]);
    if (time === undefined || times[i] < time) first.set(peers[i], times[i]);
  }
  return Float64Array.from(first.values());
}

/** Continuous, as SQL's `percentile_cont`. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}
