/**
 * What the graph lacks of a channel that a peer knows.
 *
 * @module
 */
import type { UpdatePair } from "../../../shared/bolt/encoded_array.ts";
import { QUERY_FLAG } from "../../../shared/bolt/scid_queries.ts";
import type { GraphView } from "../graph/graph_view.ts";
import { MAX_AHEAD_SECONDS, STALE_AFTER_SECONDS } from "../graph/objection.ts";

const EVERYTHING = Object.values(QUERY_FLAG).reduce<number>((all, flag) => all | flag, 0);

/**
 * What to ask for, as an or of {@link QUERY_FLAG}; 0 when there is nothing.
 *
 * @param theirs timestamps of the peer's updates, seconds, 0 where it has none; undefined when it did not tell.
 * @param now seconds since the Unix epoch.
 */
export function missingOf(
  view: GraphView,
  scid: bigint,
  theirs: UpdatePair | undefined,
  now: number,
): number {
  const slot = view.find(scid);
  if (!theirs) return slot < 0 ? EVERYTHING : 0;
  // The graph would not take what is too old or too far ahead.
  const usable = (timestamp: number) =>
    timestamp >= now - STALE_AFTER_SECONDS && timestamp <= now + MAX_AHEAD_SECONDS;
  if (slot < 0) return theirs.some(usable) ? EVERYTHING : 0;
  let flags = 0;
  for (const direction of [0, 1] as const) {
    const timestamp = theirs[direction];
    if (!usable(timestamp) || timestamp <= view.timestamp(slot, direction)) continue;
    flags |= direction === 0 ? QUERY_FLAG.channelUpdate1 : QUERY_FLAG.channelUpdate2;
  }
  return flags;
}
