// Receipt traces: which peer delivered a message how long after the first one.

/** Gossip types by their names in trace files; the numbers are BOLT 7's. */
export const TYPE_NUMBERS = {
  channel_announcement: 256,
  node_announcement: 257,
  channel_update: 258,
} as const;

export interface Trace {
  readonly type: number;
  /** By peer index: seconds after the message's first receipt; NaN where the peer did not deliver it. */
  readonly delays: Float64Array;
}

export interface Traces {
  /** How many peers there are: the length of each {@link Trace.delays}. */
  readonly peers: number;
  readonly messages: readonly Trace[];
}

/** Later receipts are re-broadcasts, hours after the message had spread. The run's own queries cap delays here, too. */
const CAP_SECONDS = 3600;
/** The real traces' 44 wide messages reached at least 850 of 975 peers. */
export const WIDE_SHARE = 850 / 975;
/** Their mix: channel_updates and node_announcements. */
export const SET = { 258: 23, 257: 21 } as const;
/** With ten sets the figures' noise is below a percent. */
export const MAX_SETS = 10;

/** The delays that there are, ascending. */
export function present(delays: Float64Array): Float64Array {
  return delays.filter((seconds) => !Number.isNaN(seconds)).sort();
}

/**
 * The sets that the calibration table is measured on: wide channel_updates and node_announcements in the real traces'
 * mix, 44 per set, spread evenly over `traces`, late receipts left out. One set of all wide messages when there are
 * not enough for that mix; no set when there are fewer than two.
 */
export function wideSets({ messages, peers }: Traces): Trace[][] {
  const wide = messages.filter(({ type, delays }) =>
    type !== 256 && present(delays).length >= WIDE_SHARE * peers
  ).map(({ type, delays }) => ({
    type,
    delays: delays.map((seconds) => seconds <= CAP_SECONDS ? seconds : NaN),
  }));
  if (wide.length < 2) return [];
  const of = { 258: wide.filter((t) => t.type === 258), 257: wide.filter((t) => t.type === 257) };
  const sets = Math.floor(Math.min(of[258].length / SET[258], of[257].length / SET[257], MAX_SETS));
  if (sets === 0) return [wide];
  const spread = (type: 257 | 258, set: number) =>
    Array.from(
      { length: SET[type] },
      (_, i) => of[type][Math.floor((i + set / sets) * of[type].length / SET[type])],
    );
  return Array.from({ length: sets }, (_, set) => [...spread(258, set), ...spread(257, set)]);
}
