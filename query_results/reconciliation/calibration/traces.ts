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

/**
 * Later receipts are re-broadcasts, hours after the message had spread: no figure counts them. The run's own queries
 * cap delays here as well.
 */
export const CAP_SECONDS = 3600;

/** The traces' 44 wide messages reached at least 850 of 975 peers. */
const WIDE_SHARE = 850 / 975;
/** How many of them are channel_updates and how many node_announcements. */
export const SET = { 258: 23, 257: 21 } as const;
/** More sets would only make the figures' noise smaller, which is below a percent with these. */
export const MAX_SETS = 10;

/** The delays of those that delivered, ascending. */
export function present(delays: Float64Array): Float64Array {
  return delays.filter((seconds) => !Number.isNaN(seconds)).sort();
}

/**
 * The sets that the calibration table is measured on: wide channel_updates and node_announcements in the real traces'
 * mix, 44 a set, spread evenly over `traces`, receipts past {@link CAP_SECONDS} left out. All wide messages in one set
 * when there are not enough for that mix; no set when there are fewer than two.
 */
export function wideSets({ messages, peers }: Traces): Trace[][] {
  const wide = messages.filter(({ type, delays }) =>
    type !== 256 && present(delays).length >= WIDE_SHARE * peers
  ).map(({ type, delays }) => ({
    type,
    delays: delays.map((seconds) => seconds <= CAP_SECONDS ? seconds : NaN),
  }));
  if (wide.length < 2) return [];
  const updates = wide.filter(({ type }) => type === 258);
  const nodes = wide.filter(({ type }) => type === 257);
  const enough = Math.min(updates.length / SET[258], nodes.length / SET[257], MAX_SETS);
  const sets = Math.floor(enough);
  if (sets === 0) return [wide];
  const spread = (of: readonly Trace[], count: number, set: number) =>
    Array.from({ length: count }, (_, i) => of[Math.floor((i + set / sets) * of.length / count)]);
  return Array.from(
    { length: sets },
    (_, set) => [...spread(updates, SET[258], set), ...spread(nodes, SET[257], set)],
  );
}
