// Which messages are the graph's, and what keeps one whose signatures hold out of it: what no peer would take in
// an answer, and what no answer may contain.

import type { ChannelAnnouncement } from "../../../shared/bolt/channel_announcement.ts";
import type { ChannelUpdate } from "../../../shared/bolt/channel_update.ts";
import { KEY_BYTES } from "../../../shared/bolt/codec.ts";
import { BoltFault } from "../../../shared/bolt/fault.ts";
import { decodeMessage, type Message } from "../../../shared/bolt/message.ts";
import type { NodeAnnouncement } from "../../../shared/bolt/node_announcement.ts";
import { equal } from "./columns.ts";
import type { GraphOutcome } from "./limits.ts";

/** BOLT 7, pruning: two weeks. */
export const STALE_AFTER_SECONDS = 1_209_600;
/**
 * A timestamp further ahead than this would keep true news out. BOLT 7 leaves the limit open; LDK has this one, LND
 * counts two weeks against the peer that sent it.
 */
export const MAX_AHEAD_SECONDS = 86_400;

const MUST_BE_ONE = 1;
const DONT_FORWARD = 2;

export type GraphMessage = ChannelAnnouncement | NodeAnnouncement | ChannelUpdate;

/** A message that belongs into the graph of a chain; null for any other bytes. A node_announcement names no chain. */
export function graphMessage(raw: Uint8Array, chain: Uint8Array): GraphMessage | null {
  let message: Message;
  try {
    message = decodeMessage(raw);
  } catch (error) {
    if (error instanceof BoltFault) return null;
    throw error;
  }
  if (!message.known) return null;
  if (message.type === 257) return message;
  if (message.type !== 256 && message.type !== 258) return null;
  return equal(message.chainHash, chain) ? message : null;
}

/** Why the message stays out; null when nothing speaks against it. `now` is seconds since the Unix epoch. */
export function objection(message: GraphMessage, now: number): GraphOutcome | null {
  switch (message.type) {
    case 256:
      return ascending(message.nodeId1, message.nodeId2) ? null : "implausible";
    case 257:
      return isAhead(message.timestamp, now) ? "implausible" : null;
    case 258:
      return objectionToUpdate(message, now);
  }
}

function objectionToUpdate(update: ChannelUpdate, now: number): GraphOutcome | null {
  if (update.messageFlags & DONT_FORWARD) return "private";
  // LND refuses an update without the first bit, or whose greatest amount is nothing or below the least.
  const { htlcMinimumMsat: least, htlcMaximumMsat: most } = update;
  const usable = (update.messageFlags & MUST_BE_ONE) > 0 && most !== null && most > 0n &&
    most >= least;
  if (!usable || isAhead(update.timestamp, now)) return "implausible";
  return update.timestamp < now - STALE_AFTER_SECONDS ? "stale" : null;
}

function isAhead(timestamp: number, now: number): boolean {
  return timestamp > now + MAX_AHEAD_SECONDS;
}

/** BOLT 7: node_id_1 is the lesser of the two. */
function ascending(id1: Uint8Array, id2: Uint8Array): boolean {
  for (let i = 0; i < KEY_BYTES; i++) {
    if (id1[i] !== id2[i]) return id1[i] < id2[i];
  }
  return false;
}
