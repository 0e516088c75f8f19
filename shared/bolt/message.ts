// Any Lightning message: bytes to value and back.

import { type ChannelAnnouncement, channelAnnouncementCodec } from "./channel_announcement.ts";
import { type ChannelUpdate, channelUpdateCodec } from "./channel_update.ts";
import type { Codec, Decoded } from "./codec.ts";
import {
  errorCodec,
  type ErrorMessage,
  type Ping,
  pingCodec,
  type Pong,
  pongCodec,
  type Warning,
  warningCodec,
} from "./control.ts";
import { BoltFault } from "./fault.ts";
import { type Init, initCodec } from "./init.ts";
import { type KnownType, MAX_MESSAGE_BYTES, messageName, messageType } from "./message_types.ts";
import { type NodeAnnouncement, nodeAnnouncementCodec } from "./node_announcement.ts";
import {
  type GossipTimestampFilter,
  gossipTimestampFilterCodec,
  type QueryChannelRange,
  queryChannelRangeCodec,
  type QueryShortChannelIds,
  queryShortChannelIdsCodec,
  type ReplyChannelRange,
  replyChannelRangeCodec,
  type ReplyShortChannelIdsEnd,
  replyShortChannelIdsEndCodec,
} from "./queries.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** The fields of a message of a known type: what there is to encode. */
export type MessageFields =
  | Warning
  | Init
  | ErrorMessage
  | Ping
  | Pong
  | ChannelAnnouncement
  | NodeAnnouncement
  | ChannelUpdate
  | QueryShortChannelIds
  | ReplyShortChannelIdsEnd
  | QueryChannelRange
  | ReplyChannelRange
  | GossipTimestampFilter;

/** A message of a type without a codec here. */
export interface UnknownMessage {
  readonly type: number;
  /** The whole message, type included. */
  readonly raw: Uint8Array;
  readonly known: false;
}

/** {@link Decoded} of each member of a union on its own, which keeps it a union on `type`. */
export type DecodedEach<Fields> = Fields extends MessageFields ? Decoded<Fields> : never;

/** A decoded message. Check `known` first; then switch on `type`. */
export type Message = DecodedEach<MessageFields> | UnknownMessage;

const CODECS: { readonly [T in KnownType]: Codec<Extract<MessageFields, { type: T }>> } = {
  1: warningCodec,
  16: initCodec,
  17: errorCodec,
  18: pingCodec,
  19: pongCodec,
  256: channelAnnouncementCodec,
  257: nodeAnnouncementCodec,
  258: channelUpdateCodec,
  261: queryShortChannelIdsCodec,
  262: replyShortChannelIdsEndCodec,
  263: queryChannelRangeCodec,
  264: replyChannelRangeCodec,
  265: gossipTimestampFilterCodec,
};

function isKnownType(type: number): type is KnownType {
  return type in CODECS;
}

/**
 * Decodes a message. Byte fields are views of `raw`, which must not change as long as they are in use. Checked are
 * layout and TLV rules only: not signatures, keys, the order of ids or what values mean.
 * @throws {BoltFault} when a message of a known type does not have its layout, is shorter than its type field or
 * above {@link MAX_MESSAGE_BYTES}.
 */
export function decodeMessage(raw: Uint8Array): Message {
  checkSize(raw.length);
  const type = messageType(raw);
  if (!isKnownType(type)) return { type, raw, known: false };
  const reader = new Reader(raw, messageName(type));
  reader.u16();
  return CODECS[type].decode(reader);
}

/**
 * Encodes a message from its fields; `raw` counts only for an unknown type. What was decoded comes out as the same
 * bytes.
 * @throws {BoltFault} when a field does not fit the wire or the whole is above {@link MAX_MESSAGE_BYTES}.
 */
export function encodeMessage(message: MessageFields | UnknownMessage): Uint8Array {
  if ("known" in message && message.known === false) return message.raw;
  const fields = message as MessageFields;
  const writer = new Writer(messageName(fields.type));
  writer.u16(fields.type);
  // One entry of the table takes just the messages of its own type, which the compiler cannot follow.
  (CODECS[fields.type] as Codec<MessageFields>).encode(writer, fields);
  const raw = writer.finish();
  checkSize(raw.length);
  return raw;
}

function checkSize(size: number): void {
  if (size > MAX_MESSAGE_BYTES) {
    throw new BoltFault("too_long", `message: ${size} bytes, at most ${MAX_MESSAGE_BYTES} may be`);
  }
}
