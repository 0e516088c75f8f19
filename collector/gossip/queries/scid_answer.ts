/**
 * The answer to query_short_channel_ids (BOLT 7): what is known of the channels that a peer names.
 *
 * @module
 */
import type { Decoded } from "../../../shared/bolt/codec.ts";
import { encodeMessage } from "../../../shared/bolt/message.ts";
import { QUERY_FLAG, type QueryShortChannelIds } from "../../../shared/bolt/scid_queries.ts";
import type { GraphView } from "../graph/graph_view.ts";

/** All that may be asked of a channel; also what a query without flags asks for. */
const EVERYTHING = Object.values(QUERY_FLAG).reduce<number>((all, flag) => all | flag, 0);

/** The scids of a query and what is wanted of each, without their objects: a peer may have us hold 8,000. */
export interface ScidQuery {
  /** chain_hash. */
  readonly chainHash: Uint8Array;
  /** Ascending. */
  readonly scids: BigUint64Array;
  /** For each scid an or of {@link QUERY_FLAG}. */
  readonly flags: Uint8Array;
}

/** A query in that form; null when its scids do not strictly ascend, as BOLT 7 wants them. */
export function scidQuery(query: Decoded<QueryShortChannelIds>): ScidQuery | null {
  const { scids, flags } = query;
  for (let i = 1; i < scids.length; i++) if (scids[i] <= scids[i - 1]) return null;
  return {
    chainHash: query.chainHash.slice(),
    scids: BigUint64Array.from(scids),
    flags: flags
      ? Uint8Array.from(flags, (each) => each & EVERYTHING)
      : new Uint8Array(scids.length).fill(EVERYTHING),
  };
}

/** The messages that a query asks for, each node_announcement once, and the end of the answer. */
export function* answerScids(query: ScidQuery, view: GraphView): Generator<Uint8Array> {
  const told = new Set<number>();
  for (let i = 0; i < query.scids.length; i++) {
    // The graph may change between two messages, so what belongs to a channel is copied at once.
    for (const raw of messagesOf(query.scids[i], query.flags[i], view, told)) yield raw;
  }
  yield encodeMessage({ type: 262, chainHash: query.chainHash, fullInformation: 1 });
}

/** Copies of what is wanted of one channel, in the order in which it makes sense to who does not know it. */
function messagesOf(
  scid: bigint,
  flags: number,
  view: GraphView,
  told: Set<number>,
): Uint8Array[] {
  const slot = view.find(scid);
  if (slot < 0) return [];
  const messages: Uint8Array[] = [];
  const add = (raw: Uint8Array | null) => {
    if (raw) messages.push(raw.slice());
  };
  if (flags & QUERY_FLAG.channelAnnouncement) add(view.announcement(slot));
  if (flags & QUERY_FLAG.channelUpdate1) add(view.update(slot, 0));
  if (flags & QUERY_FLAG.channelUpdate2) add(view.update(slot, 1));
  for (const direction of [0, 1] as const) {
    const flag = direction === 0 ? QUERY_FLAG.nodeAnnouncement1 : QUERY_FLAG.nodeAnnouncement2;
    const node = view.nodeOf(slot, direction);
    if ((flags & flag) === 0 || told.has(node)) continue;
    told.add(node);
    add(view.nodeAnnouncement(node));
  }
  return messages;
}
