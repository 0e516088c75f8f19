// Every gossip byte that was sent, and why. A listener has no other reasons than these: there is none for news.

import { messageName, messageType } from "../../../shared/bolt/message_types.ts";

export const SENT_REASONS = [
  "query_channel_range",
  "query_short_channel_ids",
  "gossip_timestamp_filter",
  "own_query",
  "own_filter",
] as const;

/**
 * - `query_channel_range`, `query_short_channel_ids`, `gossip_timestamp_filter`: an answer to a peer's own message;
 * - `own_query`, `own_filter`: we asked for gossip.
 */
export type SentReason = typeof SENT_REASONS[number];

export interface SentEntry {
  readonly reason: SentReason;
  readonly type: string;
  readonly messages: number;
  /** Their bytes, type included, without transport framing. */
  readonly bytes: number;
}

/** Counts what is handed to connections; one for the whole collector. */
export class SentLedger {
  readonly #entries = new Map<SentReason, Map<number, { messages: number; bytes: number }>>();

  record(reason: SentReason, raw: Uint8Array): void {
    let types = this.#entries.get(reason);
    if (!types) this.#entries.set(reason, types = new Map());
    const type = messageType(raw);
    const entry = types.get(type);
    if (entry) {
      entry.messages++;
      entry.bytes += raw.length;
    } else types.set(type, { messages: 1, bytes: raw.length });
  }

  /** All that was sent, by reason and type; nothing for what was never sent. */
  entries(): SentEntry[] {
    return SENT_REASONS.flatMap((reason) =>
      [...this.#entries.get(reason) ?? []]
        .sort(([a], [b]) => a - b)
        .map(([type, sums]) => ({ reason, type: messageName(type), ...sums }))
    );
  }
}
