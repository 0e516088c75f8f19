// The run that the simulated network imitates: 2025-09-26, 23.32 h, 978 peers, as published by its observers.
//
// Sizes here are the run's own and leave out a message's two bytes of type; everywhere else a message's size is that
// of its raw bytes, type included.

import reach from "./data/reach.json" with { type: "json" };

/** The gossip types that carry receipts, in the order of the columns of `data/reach.json`. */
export const GOSSIP_TYPES = [256, 257, 258] as const;

/** channel_announcement (256), node_announcement (257) or channel_update (258). */
export type GossipType = (typeof GOSSIP_TYPES)[number];

/** One row of the peers-per-message histogram. */
export interface ReachRow {
  /** Least number of peers in this row. */
  readonly low: number;
  /** Most peers in this row, included. */
  readonly high: number;
  /** Messages of each type, in the order of {@link GOSSIP_TYPES}. */
  readonly messages: readonly number[];
}

/** How many peers delivered a message, of {@link REAL_RUN}'s 978. */
export const REACH: readonly ReachRow[] = reach.rows.map(([low, high, ...messages]) => ({
  low,
  high,
  messages,
}));

/** The published figures. */
export const REAL_RUN = {
  /** Seconds from the first to the last receipt. */
  seconds: 83_955.642,
  peers: 978,
  messages: 416_427,
  receipts: 163_872_497,
  /** Distinct messages by type. */
  messagesByType: { 256: 39_974, 257: 125_155, 258: 251_298 } as Record<GossipType, number>,
  /** Receipts by type; the run dropped repeats from one peer. */
  receiptsByType: { 256: 327_449, 257: 51_010_786, 258: 112_534_262 } as Record<GossipType, number>,
  /** Mean bytes of a distinct message, its type left out. */
  meanSize: 247.86,
  /** Messages whose delays are averaged: those that at least this many peers delivered. */
  convergenceLeastPeers: 300,
  /** How many they were. */
  convergenceMessages: 232_772,
  /** Receipts later than this after the first count for reach but not for delays, seconds. */
  convergenceCapSeconds: 3600,
  /** Share of peers, and the mean time they took to deliver, in seconds after the first receipt. */
  convergence: [
    [0.001, 5.736],
    [0.05, 48.733],
    [0.25, 121.822],
    [0.5, 181.709],
    [0.75, 246.786],
    [0.95, 356.193],
    [0.999, 1401.995],
  ] as readonly (readonly [number, number])[],
  /** Channels that were updated. */
  scids: 43_555,
  /** Those of them that were updated more than once. */
  scidsUpdatedAgain: 28_893,
  /** Share of the channel_updates that the most updated 1 % of the channels carry. */
  topScidShare: 0.295,
  /** The same of node_announcements and nodes. */
  topNodeShare: 0.313,
  /** Updates of the channel with most. */
  mostUpdates: 1236,
  /** Peers that delivered anything, in 15 minutes at equal steps from the run's begin to its end. */
  activePeers: [974, 921, 899, 783, 764, 750, 737, 726, 719, 715, 714, 701, 688, 681, 660, 644],
} as const;
