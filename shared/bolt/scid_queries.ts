// query_short_channel_ids and reply_short_channel_ids_end (BOLT 7): gossip of given channels.

import { type Codec, HASH_BYTES, NOTHING } from "./codec.ts";
import { checkCount, readFlagList, readScids, writeFlagList, writeScids } from "./encoded_array.ts";
import { readTlvStream, type TlvRecord, tlvRecord, writeTlvStream } from "./tlv.ts";

const QUERY_FLAGS = 1n;

/** Bits of {@link QueryShortChannelIds.flags}: what is wanted of a channel. */
export const QUERY_FLAG = {
  channelAnnouncement: 1,
  channelUpdate1: 2,
  channelUpdate2: 4,
  nodeAnnouncement1: 8,
  nodeAnnouncement2: 16,
} as const;

/** query_short_channel_ids. */
export interface QueryShortChannelIds {
  readonly type: 261;
  readonly chainHash: Uint8Array;
  readonly scids: readonly bigint[];
  /** For each scid an or of {@link QUERY_FLAG}; undefined asks for all. */
  readonly flags?: readonly number[];
  readonly tlvs?: readonly TlvRecord[];
}

/** reply_short_channel_ids_end. */
export interface ReplyShortChannelIdsEnd {
  readonly type: 262;
  readonly chainHash: Uint8Array;
  /** 1 when the sender keeps up with that chain, else 0. */
  readonly fullInformation: number;
  /** Bytes after the fields known here. */
  readonly extra?: Uint8Array;
}

/** Codec of {@link QueryShortChannelIds}. */
export const queryShortChannelIdsCodec: Codec<QueryShortChannelIds> = {
  decode(reader) {
    const chainHash = reader.take(HASH_BYTES);
    const scids = readScids(reader);
    let flags: number[] | undefined;
    const tlvs = readTlvStream(
      reader,
      new Map([[QUERY_FLAGS, (value) => {
        flags = readFlagList(value);
        checkCount("query flags", flags.length, scids.length);
      }]]),
    );
    return {
      type: 261,
      chainHash,
      scids,
      ...flags && { flags },
      tlvs,
      raw: reader.bytes,
      known: true,
    };
  },
  encode(writer, message) {
    const { scids, flags } = message;
    writer.fixed(message.chainHash, HASH_BYTES);
    writeScids(writer, scids);
    const records = [...message.tlvs ?? []];
    if (flags) {
      checkCount("query flags", flags.length, scids.length);
      records.push(tlvRecord(QUERY_FLAGS, (value) => writeFlagList(value, flags)));
    }
    writeTlvStream(writer, records);
  },
};

/** Codec of {@link ReplyShortChannelIdsEnd}. */
export const replyShortChannelIdsEndCodec: Codec<ReplyShortChannelIdsEnd> = {
  decode: (reader) => ({
    type: 262,
    chainHash: reader.take(HASH_BYTES),
    fullInformation: reader.u8(),
    extra: reader.rest(),
    raw: reader.bytes,
    known: true,
  }),
  encode(writer, message) {
    writer.fixed(message.chainHash, HASH_BYTES);
    writer.u8(message.fullInformation);
    writer.bytes(message.extra ?? NOTHING);
  },
};
