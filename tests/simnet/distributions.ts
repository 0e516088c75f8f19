// How the simulated network's numbers spread: reach and who talks how often. Pure; all chance comes in as
// numbers in [0, 1).

import type { Knot } from "../../query_results/reconciliation/calibration/quantiles.ts";
import { GOSSIP_TYPES, type GossipType, REACH, REAL_RUN } from "./real_run.ts";

/** Draws how many peers deliver a message. */
export class ReachSampler {
  readonly #ends: Record<GossipType, Float64Array>;

  constructor() {
    this.#ends = {} as Record<GossipType, Float64Array>;
    GOSSIP_TYPES.forEach((type, column) => {
      const ends = new Float64Array(REACH.length);
      let sum = 0;
      REACH.forEach((row, i) => ends[i] = sum += row.messages[column]);
      this.#ends[type] = ends.map((end) => end / sum);
    });
  }

  /** The number of peers, of {@link REAL_RUN}'s, that `share` of the messages of `type` do not exceed. */
  at(type: GossipType, share: number): number {
    const ends = this.#ends[type];
    let i = 0;
    while (i < ends.length - 1 && ends[i] <= share) i++;
    const start = i === 0 ? 0 : ends[i - 1];
    const { low, high } = REACH[i];
    const within = (share - start) / (ends[i] - start);
    return low + Math.min(high - low, Math.floor(within * (high - low + 1)));
  }

  /** The share of the messages of `type` that fewer than `peers` peers delivered; `peers` begins a row. */
  below(type: GossipType, peers: number): number {
    const row = REACH.findIndex(({ low }) => low === peers);
    return row <= 0 ? 0 : this.#ends[type][row - 1];
  }
}

/**
 * Which share of the origins, most talkative first, make a share of the messages: share of messages, share of
 * origins. The periodic origins of `arrivals.ts` come on top, hence slightly less than the published 29.5 % and
 * 31.3 % for the first hundredth.
 */
export const CHANNEL_KNOTS: readonly Knot[] = [
  [0, 0],
  [0.065, 0.001],
  [0.236, 0.007],
  [0.48, 0.05],
  [0.68, 0.2],
  [0.83, 0.5],
  [1, 1],
];

/** {@link CHANNEL_KNOTS} of node_announcements. */
export const NODE_KNOTS: readonly Knot[] = [
  [0, 0],
  [0.085, 0.001],
  [0.294, 0.01],
  [0.5, 0.05],
  [0.72, 0.2],
  [0.9, 0.55],
  [1, 1],
];

/** Channels to draw from for each channel_update; some stay silent, so that the run's number of channels speaks. */
export const CHANNELS_PER_UPDATE = 1.3 * REAL_RUN.scids / REAL_RUN.messagesByType[258];
/** Nodes to draw from for each node_announcement: about 12,500 in the run, as the network had then. */
export const NODES_PER_ANNOUNCEMENT = 0.1;
