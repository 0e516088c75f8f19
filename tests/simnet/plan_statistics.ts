// What a plan of traffic amounts to, in the real run's terms. Pure.

import { quantile } from "../../query_results/reconciliation/calibration/statistics.ts";
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
  const tally = new PlanTally(peers, compression);
  for (const message of plan) tally.add(message);
  return tally.statistics();
}

/** {@link planStatistics} of messages that come one by one. */
export class PlanTally {
  readonly #least: number;
  readonly #cap: number;
  readonly #byType: Record<GossipType, TypeTotals> = { 256: none(), 257: none(), 258: none() };
  readonly #reach: number[] = [];
  readonly #origins: { type: GossipType; origin: number }[] = [];
  readonly #sums = REAL_RUN.convergence.map(() => 0);
  #repeats = 0;
  #converged = 0;

  /** Of a plan of so many peers; `compression` is the plan's. */
  constructor(peers: number, private readonly compression = 1) {
    this.#least = REAL_RUN.convergenceLeastPeers * peers / REAL_RUN.peers;
    this.#cap = REAL_RUN.convergenceCapSeconds * 1e6 / compression;
  }

  /** Takes a message with all its deliveries. */
  add(message: PlannedMessage): void {
    const first = firstByPeer(message);
    this.#repeats += message.deliveries - first.length;
    this.#reach.push(first.length);
    this.#origins.push({ type: message.type, origin: message.origin });
    const of = this.#byType[message.type];
    of.messages++;
    of.receipts += first.length;
    of.bytes += message.size;
    if (first.length < this.#least) return;
    this.#converged++;
    const delays = first.sort().map((time) => time - first[0]).filter((delay) =>
      delay <= this.#cap
    );
    REAL_RUN.convergence.forEach(([share], i) => {
      this.#sums[i] += quantile(delays, share) * this.compression / 1e6;
    });
  }

  /** Of all messages so far. */
  statistics(): PlanStatistics {
    const byType = this.#byType;
    const all = none();
    for (const type of GOSSIP_TYPES) {
      all.messages += byType[type].messages;
      all.receipts += byType[type].receipts;
      all.bytes += byType[type].bytes;
    }
    return {
      byType,
      all,
      repeats: this.#repeats,
      reach: this.#reach,
      origins: this.#origins,
      convergence: this.#sums.map((sum) => sum / this.#converged),
    };
  }
}

function none(): TypeTotals {
  return { messages: 0, receipts: 0, bytes: 0 };
}

function firstByPeer({ deliveries, peers, times }: PlannedMessage): Float64Array {
  const first = new Map<number, number>();
  for (let i = 0; i < deliveries; i++) {
    const time = first.get(peers[i]);
    if (time === undefined || times[i] < time) first.set(peers[i], times[i]);
  }
  return Float64Array.from(first.values());
}
