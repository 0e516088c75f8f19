/**
 * Receipt traces: who delivered a message how long after the first peer.
 *
 * @module
 */

/** Gossip types by their names in trace files; the numbers are BOLT 7's. */
export const TYPE_NUMBERS = {
  channel_announcement: 256,
  node_announcement: 257,
  channel_update: 258,
} as const;

/** One message's receipts. */
export interface Trace {
  /** 256, 257 or 258. */
  readonly type: number;
  /** By peer index: seconds after the message's first receipt; NaN where the peer did not deliver it. */
  readonly delays: Float64Array;
}

/** Messages that the same peers could deliver. */
export interface Traces {
  /** How many peers there are: the length of each {@link Trace.delays}. */
  readonly peers: number;
  /** The messages. */
  readonly messages: readonly Trace[];
}

/** Of a set of messages each one's delays; see {@link Trace.delays}. */
export type Delays = readonly Float64Array[];

/**
 * Later receipts are re-broadcasts, hours after the message had spread: no figure counts them. The run's own queries
 * cap delays here as well.
 */
export const CAP_SECONDS = 3600;

/** The traces' 44 wide messages reached at least 850 of 975 peers. */
const WIDE_SHARE = 850 / 975;
/** How many of them are channel_updates and how many node_announcements. */
const SET = { 258: 23, 257: 21 } as const;
/** More sets would only make the figures' noise smaller, which is below a percent with these. */
const MAX_SETS = 10;

/** Receipts later than {@link CAP_SECONDS} left out. */
export function capped(delays: Float64Array): Float64Array {
  return delays.map((seconds) => seconds <= CAP_SECONDS ? seconds : NaN);
}

/** How many peers delivered it, however late. */
export function reach({ delays }: Trace): number {
  let count = 0;
  for (const delay of delays) if (!Number.isNaN(delay)) count++;
  return count;
}

/**
 * The sets that the calibration table is measured on: wide channel_updates and node_announcements in the real traces'
 * mix, 44 a set, spread evenly over `traces`. All wide messages in one set when there are not enough for that mix.
 */
export function wideSets({ messages, peers }: Traces): Delays[] {
  const wide = messages.filter((trace) => trace.type !== 256 && reach(trace) >= WIDE_SHARE * peers);
  const of = (type: number) => wide.filter((trace) => trace.type === type);
  const [updates, nodes] = [of(258), of(257)];
  const sets = Math.min(
    Math.floor(updates.length / SET[258]),
    Math.floor(nodes.length / SET[257]),
    MAX_SETS,
  );
  const spread = (of: readonly Trace[], count: number, set: number) =>
    Array.from(
      { length: count },
      (_, i) => of[Math.floor((i + set / sets) * of.length / count)],
    );
  const chosen = sets === 0 ? (wide.length === 0 ? [] : [wide]) : Array.from(
    { length: sets },
    (_, set) => [...spread(updates, SET[258], set), ...spread(nodes, SET[257], set)],
  );
  return chosen.map((set) => set.map(({ delays }) => capped(delays)));
}
