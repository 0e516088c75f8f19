/**
 * What gossip_timestamp_filter asks of the past (BOLT 7): the messages of the graph whose timestamps lie in the range.
 * Of the future it gets nothing from us: we forward no gossip.
 *
 * @module
 */
import { KEY_BYTES } from "../../../shared/bolt/codec.ts";
import type { GossipTimestampFilter } from "../../../shared/bolt/range_queries.ts";
import { equal } from "../graph/bytes.ts";
import type { GraphView } from "../graph/graph_view.ts";
import type { MayTell } from "./range_answer.ts";

/** A range of timestamps, seconds. */
interface Range {
  readonly first: number;
  /** The first one beyond it; above 2^32 maybe. */
  readonly end: number;
}

/**
 * The messages, in the order of scids: a channel_announcement when one of its updates lies in the range (BOLT 7: its
 * time is that of an update), then those updates; at last node_announcements, which so come behind their channels.
 *
 * @param mayTell channels for which it gives false are left out.
 */
export function* answerPast(
  filter: GossipTimestampFilter,
  view: GraphView,
  mayTell: MayTell,
): Generator<Uint8Array> {
  const { firstTimestamp: first, timestampRange } = filter;
  const range = { first, end: first + timestampRange };
  // Positions do not outlive a yield, so the next scid and node id are kept instead.
  for (let from = 0n;;) {
    const found = nextChannel(view, from, range, mayTell);
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
  mayTell: MayTell,
): { scid: bigint; messages: Uint8Array[] } | null {
  for (let position = view.lowerBound(from); position < view.channelCount; position++) {
    const slot = view.at(position);
    // Every peer's filter goes over all channels, so nothing is made for those that it does not want.
    const tells1 = isWithin(view.timestamp(slot, 0), range);
    const tells2 = isWithin(view.timestamp(slot, 1), range);
    if (!(tells1 || tells2) || !mayTell(slot)) continue;
    const messages = [view.announcement(slot).slice()];
    if (tells1) messages.push(view.update(slot, 0)!.slice());
    if (tells2) messages.push(view.update(slot, 1)!.slice());
    return { scid: view.scid(slot), messages };
  }
  return null;
}

/** A copy of the first node_announcement in the range whose node id is above `id`, which then is that one. */
function nextNode(view: GraphView, id: Uint8Array, range: Range): Uint8Array | null {
  for (let position = view.nodeLowerBound(id); position < view.nodeCount; position++) {
    const node = view.nodeAt(position);
    if (!isWithin(view.nodeTimestamp(node), range) || equal(view.nodeId(node), id)) continue;
    const raw = view.nodeAnnouncement(node);
    if (!raw) continue;
    id.set(view.nodeId(node));
    return raw.slice();
  }
  return null;
}

/** A timestamp of 0 stands for no message. */
function isWithin(timestamp: number, range: Range): boolean {
  return timestamp > 0 && timestamp >= range.first && timestamp < range.end;
}
