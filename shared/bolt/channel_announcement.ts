// channel_announcement (BOLT 7): two nodes and the two keys of their funding output sign that a channel exists.

import { type Codec, HASH_BYTES, KEY_BYTES, NOTHING, SIGNATURE_BYTES } from "./codec.ts";

/** channel_announcement. */
export interface ChannelAnnouncement {
  readonly type: 256;
  readonly nodeSignature1: Uint8Array;
  readonly nodeSignature2: Uint8Array;
  readonly bitcoinSignature1: Uint8Array;
  readonly bitcoinSignature2: Uint8Array;
  readonly features: Uint8Array;
  readonly chainHash: Uint8Array;
  readonly scid: bigint;
  /** The lesser of the two node ids; the order is not checked here. */
  readonly nodeId1: Uint8Array;
  readonly nodeId2: Uint8Array;
  readonly bitcoinKey1: Uint8Array;
  readonly bitcoinKey2: Uint8Array;
  readonly extra?: Uint8Array;
}

/** Where the signed part begins: after type and four signatures. */
export const CHANNEL_ANNOUNCEMENT_SIGNED_AT: number = 2 + 4 * SIGNATURE_BYTES;

/** Codec of {@link ChannelAnnouncement}. */
export const channelAnnouncementCodec: Codec<ChannelAnnouncement> = {
  decode: (reader) => ({
    type: 256,
    nodeSignature1: reader.take(SIGNATURE_BYTES),
    nodeSignature2: reader.take(SIGNATURE_BYTES),
    bitcoinSignature1: reader.take(SIGNATURE_BYTES),
    bitcoinSignature2: reader.take(SIGNATURE_BYTES),
    features: reader.sized16(),
    chainHash: reader.take(HASH_BYTES),
    scid: reader.u64(),
    nodeId1: reader.take(KEY_BYTES),
    nodeId2: reader.take(KEY_BYTES),
    bitcoinKey1: reader.take(KEY_BYTES),
    bitcoinKey2: reader.take(KEY_BYTES),
    extra: reader.rest(),
    raw: reader.bytes,
    known: true,
  }),
  encode(writer, message) {
    writer.fixed(message.nodeSignature1, SIGNATURE_BYTES);
    writer.fixed(message.nodeSignature2, SIGNATURE_BYTES);
    writer.fixed(message.bitcoinSignature1, SIGNATURE_BYTES);
    writer.fixed(message.bitcoinSignature2, SIGNATURE_BYTES);
    writer.sized16(message.features);
    writer.fixed(message.chainHash, HASH_BYTES);
    writer.u64(message.scid);
    writer.fixed(message.nodeId1, KEY_BYTES);
    writer.fixed(message.nodeId2, KEY_BYTES);
    writer.fixed(message.bitcoinKey1, KEY_BYTES);
    writer.fixed(message.bitcoinKey2, KEY_BYTES);
    writer.bytes(message.extra ?? NOTHING);
  },
};
