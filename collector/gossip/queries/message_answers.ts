// Answers that consist of the graph's messages (BOLT 7): to query_short_channel_ids what is known of the channels that a
// peer names, to gossip_timestamp_filter the messages whose timestamps lie in its range. Of the future a filter gets
// nothing: we forward no gossip.

import { type Decoded, KEY_BYTES } from "../../../shared/bolt/codec.ts";
import { encodeMessage } from "../../../shared/bolt/message.ts";
import {
  type GossipTimestampFilter,
  QUERY_FLAG,
  type QueryShortChannelIds,
} from "../../../shared/bolt/queries.ts";
import { equal } from "../graph/columns.ts";
import type { GraphView } from "../graph/graph_view.ts";
import type { MayAnswer } from "./range_answer.ts";

/** All that may be asked of a channel; also what a query without flags asks for. */
const EVERYTHING = Object.values(QUERY_FLAG).reduce<number>((all, flag) => all | flag, 0);

/** The scids of a query and what is wanted of each, without their objects: a peer may have us hold 8,000. */
export interface ScidQuery {
  readonly chainHash: Uint8Array;
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
export function* answerScids(
  query: ScidQuery,
  view: GraphView,
  mayAnswer: MayAnswer = () => true,
): Generator<Uint8Array> {
  const sent = new Set<number>();
  for (let i = 0; i < query.scids.length; i++) {
    // The graph may change between two messages, so what belongs to a channel is copied at once.
    const slot = view.find(query.scids[i]);
    if (slot >= 0 && mayAnswer(slot)) yield* messagesOf(slot, query.flags[i], view, sent);
  }
  yield encodeMessage({ type: 262, chainHash: query.chainHash, fullInformation: 1 });
}

/** Copies of what is wanted of one channel, in the order in which it makes sense to who does not know it. */
function messagesOf(slot: number, flags: number, view: GraphView, sent: Set<number>): Uint8Array[] {
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
    if ((flags & flag) === 0 || sent.has(node)) continue;
    sent.add(node);
    add(view.nodeAnnouncement(node));
  }
  return messages;
}

/** Timestamps from `first` to before `end`, of what was received by `until`; seconds. */
interface Range {
  readonly first: number;
  readonly end: number;
  readonly until: number;
}

/**
 * The messages, in the order of scids: a channel_announcement when one of its updates lies in the range (BOLT 7: its
 * time is that of an update), then those updates; at last node_announcements, which so come after their channels.
 * @param mayAnswer channels for which it returns false are left out.
 * @param until what was received later is left out, seconds since the Unix epoch.
 */
export function* answerPast(
  filter: GossipTimestampFilter,
  view: GraphView,
  mayAnswer: MayAnswer,
  until = Infinity,
): Generator<Uint8Array> {
  const { firstTimestamp: first, timestampRange } = filter;
  const range = { first, end: first + timestampRange, until };
  // Positions do not outlive a yield, so the next scid and node id are kept instead.
  for (let from = 0n;;) {
    const found = nextChannel(view, from, range, mayAnswer);
    if (!found) break;
    yield* found.messages;
    from = found.scid + 1n;
  }
  const id = new Uint8Array(KEY_BYTES);
  for (;;) {
    const raw = nextNode(view, id, range);
    if (!raw) return;
    yield raw;
  }
}

/** The first channel from a scid on that has an update in the range: copies of its messages. */
function nextChannel(
  view: GraphView,
  from: bigint,
  range: Range,
  mayAnswer: MayAnswer,
): { scid: bigint; messages: Uint8Array[] } | null {
  for (let position = view.lowerBound(from); position < view.channelCount; position++) {
    const slot = view.at(position);
    // Every peer's filter goes over all channels, so nothing is made for those that it does not want.
    const has1 = isWithin(range, view.timestamp(slot, 0), view.receivedAt(slot, 0));
    const has2 = isWithin(range, view.timestamp(slot, 1), view.receivedAt(slot, 1));
    if (!(has1 || has2) || view.addedAt(slot) > range.until || !mayAnswer(slot)) continue;
    const messages = [view.announcement(slot).slice()];
    if (has1) messages.push(view.update(slot, 0)!.slice());
    if (has2) messages.push(view.update(slot, 1)!.slice());
    return { scid: view.scid(slot), messages };
  }
  return null;
}

/** A copy of the first node_announcement in the range whose node id is above `id`, which then is that one. */
function nextNode(view: GraphView, id: Uint8Array, range: Range): Uint8Array | null {
  for (let position = view.nodeLowerBound(id); position < view.nodeCount; position++) {
    const node = view.nodeAt(position);
    const isWanted = isWithin(range, view.nodeTimestamp(node), view.nodeReceivedAt(node));
    if (!isWanted || equal(view.nodeId(node), id)) continue;
    const raw = view.nodeAnnouncement(node);
    if (!raw) continue;
    id.set(view.nodeId(node));
    return raw.slice();
  }
  return null;
}

/** A timestamp of 0 stands for no message. */
function isWithin({ first, end, until }: Range, timestamp: number, receivedAt: number): boolean {
  return timestamp > 0 && timestamp >= first && timestamp < end && receivedAt <= until;
}
