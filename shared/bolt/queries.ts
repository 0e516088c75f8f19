// Queries of the graph and their replies (BOLT 7): by scid, by range of blocks, and the gossip filter.

import { type Codec, HASH_BYTES, NOTHING } from "./codec.ts";
import {
  checkCount,
  readFlagList,
  readFlags,
  readPairs,
  readScids,
  type UpdatePair,
  writeFlagList,
  writeFlags,
  writePairs,
  writeScids,
} from "./encoded_array.ts";
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

const QUERY_OPTION = 1n;
const TIMESTAMPS = 1n;
const CHECKSUMS = 3n;

/** Bits of {@link QueryChannelRange.options}: what a reply should add. */
export const RANGE_OPTION = { timestamps: 1, checksums: 2 } as const;

/** query_channel_range. */
export interface QueryChannelRange {
  readonly type: 263;
  readonly chainHash: Uint8Array;
  readonly firstBlock: number;
  /** Blocks; the sum with {@link QueryChannelRange.firstBlock} may pass 2^32. */
  readonly numberOfBlocks: number;
  /** An or of {@link RANGE_OPTION}; undefined when the record is not there. */
  readonly options?: number;
  readonly tlvs?: readonly TlvRecord[];
}

/** reply_channel_range. */
export interface ReplyChannelRange {
  readonly type: 264;
  readonly chainHash: Uint8Array;
  readonly firstBlock: number;
  /** Blocks; the sum with {@link ReplyChannelRange.firstBlock} may pass 2^32. */
  readonly numberOfBlocks: number;
  /** 1 in the last reply to a query, else 0. */
  readonly syncComplete: number;
  readonly scids: readonly bigint[];
  /** For each scid the timestamps of its channel_updates, in seconds. */
  readonly timestamps?: readonly UpdatePair[];
  readonly checksums?: readonly UpdatePair[];
  readonly tlvs?: readonly TlvRecord[];
}

/** gossip_timestamp_filter. */
export interface GossipTimestampFilter {
  readonly type: 265;
  readonly chainHash: Uint8Array;
  /** Seconds since the Unix epoch. */
  readonly firstTimestamp: number;
  /** Seconds; the sum with {@link GossipTimestampFilter.firstTimestamp} may pass 2^32. */
  readonly timestampRange: number;
  readonly extra?: Uint8Array;
}

/** Codec of {@link QueryChannelRange}. */
export const queryChannelRangeCodec: Codec<QueryChannelRange> = {
  decode(reader) {
    const chainHash = reader.take(HASH_BYTES);
    const firstBlock = reader.u32();
    const numberOfBlocks = reader.u32();
    let options: number | undefined;
    const tlvs = readTlvStream(
      reader,
      new Map([[QUERY_OPTION, (value) => {
        options = readFlags(value);
      }]]),
    );
    return {
      type: 263,
      chainHash,
      firstBlock,
      numberOfBlocks,
      ...options !== undefined && { options },
      tlvs,
      raw: reader.bytes,
      known: true,
    };
  },
  encode(writer, message) {
    const { options } = message;
    writer.fixed(message.chainHash, HASH_BYTES);
    writer.u32(message.firstBlock);
    writer.u32(message.numberOfBlocks);
    const records = [...message.tlvs ?? []];
    if (options !== undefined) {
      records.push(tlvRecord(QUERY_OPTION, (value) => writeFlags(value, options)));
    }
    writeTlvStream(writer, records);
  },
};

/** Codec of {@link ReplyChannelRange}. */
export const replyChannelRangeCodec: Codec<ReplyChannelRange> = {
  decode(reader) {
    const chainHash = reader.take(HASH_BYTES);
    const firstBlock = reader.u32();
    const numberOfBlocks = reader.u32();
    const syncComplete = reader.u8();
    const scids = readScids(reader);
    let timestamps: UpdatePair[] | undefined;
    let checksums: UpdatePair[] | undefined;
    const tlvs = readTlvStream(
      reader,
      new Map([
        [TIMESTAMPS, (value) => {
          timestamps = readPairs(value, true);
          checkCount("timestamp pairs", timestamps.length, scids.length);
        }],
        [CHECKSUMS, (value) => {
          checksums = readPairs(value, false);
          checkCount("checksum pairs", checksums.length, scids.length);
        }],
      ]),
    );
    return {
      type: 264,
      chainHash,
      firstBlock,
      numberOfBlocks,
      syncComplete,
      scids,
      ...timestamps && { timestamps },
      ...checksums && { checksums },
      tlvs,
      raw: reader.bytes,
      known: true,
    };
  },
  encode(writer, message) {
    const { scids, timestamps, checksums } = message;
    writer.fixed(message.chainHash, HASH_BYTES);
    writer.u32(message.firstBlock);
    writer.u32(message.numberOfBlocks);
    writer.u8(message.syncComplete);
    writeScids(writer, scids);
    const records = [...message.tlvs ?? []];
    if (timestamps) {
      checkCount("timestamp pairs", timestamps.length, scids.length);
      records.push(tlvRecord(TIMESTAMPS, (value) => writePairs(value, timestamps, true)));
    }
    if (checksums) {
      checkCount("checksum pairs", checksums.length, scids.length);
      records.push(tlvRecord(CHECKSUMS, (value) => writePairs(value, checksums, false)));
    }
    writeTlvStream(writer, records);
  },
};

/** Codec of {@link GossipTimestampFilter}. */
export const gossipTimestampFilterCodec: Codec<GossipTimestampFilter> = {
  decode: (reader) => ({
    type: 265,
    chainHash: reader.take(HASH_BYTES),
    firstTimestamp: reader.u32(),
    timestampRange: reader.u32(),
    extra: reader.rest(),
    raw: reader.bytes,
    known: true,
  }),
  encode(writer, message) {
    writer.fixed(message.chainHash, HASH_BYTES);
    writer.u32(message.firstTimestamp);
    writer.u32(message.timestampRange);
    writer.bytes(message.extra ?? NOTHING);
  },
};
