// Message types by number and name (BOLT 1 and 7).

import { BoltFault } from "./fault.ts";

/** The longest Lightning message, type included: what BOLT 8's u16 length can say. */
export const MAX_MESSAGE_BYTES = 65_535;

/** The types that have a codec here. */
export const MESSAGE_TYPES = {
  warning: 1,
  init: 16,
  error: 17,
  ping: 18,
  pong: 19,
  channel_announcement: 256,
  node_announcement: 257,
  channel_update: 258,
  query_short_channel_ids: 261,
  reply_short_channel_ids_end: 262,
  query_channel_range: 263,
  reply_channel_range: 264,
  gossip_timestamp_filter: 265,
} as const;

/** The number of a type that has a codec here. */
export type KnownType = typeof MESSAGE_TYPES[keyof typeof MESSAGE_TYPES];

const NAMES = new Map<number, string>(
  Object.entries(MESSAGE_TYPES).map(([name, type]) => [type, name]),
);

/** The name of a type as in BOLT, e.g. `channel_update`; the number as text for any other. */
export function messageName(type: number): string {
  return NAMES.get(type) ?? String(type);
}

/** The type of a message. @throws {BoltFault} `truncated` when it is shorter than 2 bytes. */
export function messageType(raw: Uint8Array): number {
  if (raw.length < 2) {
    throw new BoltFault("truncated", `message: ${raw.length} bytes, 2 needed for its type`);
  }
  return raw[0] << 8 | raw[1];
}
