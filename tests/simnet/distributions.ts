/**
 * How the simulated network's numbers spread: delays, reach, who talks how often, sizes. Pure; all chance comes in as
 * numbers in [0, 1).
 *
 * @module
 */
import { GOSSIP_TYPES, type GossipType, REACH, REAL_RUN } from "./real_run.ts";

/** A point of a distribution: a share in [0, 1] and the value there. */
export type Knot = readonly [share: number, value: number];

/** Steps of a {@link quantileTable}: fine enough for the last of 978 peers. */
const TABLE_STEPS = 16_384;

/** Linear interpolation through `knots`, which ascend from share 0 to share 1. */
export function interpolate(knots: readonly Knot[], share: number): number {
  let i = 1;
  while (i < knots.length - 1 && knots[i][0] < share) i++;
  const [from, low] = knots[i - 1];
  const [to, high] = knots[i];
  return low + (high - low) * (share - from) / (to - from);
}

/** {@link interpolate} made fast: a table of {@link TABLE_STEPS} steps; read it with {@link lookUp}. */
export function quantileTable(knots: readonly Knot[]): Float64Array {
  return Float64Array.from(
    { length: TABLE_STEPS + 1 },
    (_, i) => interpolate(knots, i / TABLE_STEPS),
  );
}

/** The value at `share` of a {@link quantileTable}. */
export function lookUp(table: Float64Array, share: number): number {
  const at = share * TABLE_STEPS;
  const i = Math.floor(at);
  return table[i] + (table[i + 1] - table[i]) * (at - i);
}

/**
 * How long after a message's creation a peer would deliver it, before its own flush timer has its say: share of the
 * peers, seconds. Fitted so that after the timers the delays are those of {@link REAL_RUN} within 2 %; the shape
 * between its published points is that of the run's published receipt traces.
 */
export const DELAY_KNOTS: readonly Knot[] = [
  [0, 0],
  [0.0008, 13],
  [0.0015, 21.7],
  [0.01, 31],
  [0.05, 53],
  [0.1, 73],
  [0.25, 126],
  [0.5, 184.5],
  [0.75, 247.5],
  [0.9, 315],
  [0.95, 356.2],
  [0.98, 425],
  [0.99, 485],
  [0.995, 560],
  [0.9985, 1440],
  [1, 3300],
];

/** How much slower or faster than the mean a type travels, by the traces: updates go ahead, node_announcements lag. */
export const DELAY_SCALE: Readonly<Record<GossipType, number>> = {
  256: 0.43,
  257: 1.36,
  258: 0.83,
};

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
