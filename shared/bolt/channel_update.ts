// channel_update (BOLT 7): one node's terms for one direction of a channel.

import type { Reader } from "./reader.ts";
import { type Codec, HASH_BYTES, NOTHING, SIGNATURE_BYTES } from "./codec.ts";

/** channel_update. */
export interface ChannelUpdate {
  readonly type: 258;
  /** By the node that {@link ChannelUpdate.channelFlags} points at. */
  readonly signature: Uint8Array;
  readonly chainHash: Uint8Array;
  readonly scid: bigint;
  /** The sender's own: seconds since the Unix epoch. */
  readonly timestamp: number;
  /** Bit 0 should be one; bit 1 is dont_forward. */
  readonly messageFlags: number;
  /** Bit 0 is the direction: 0 when node 1 signs, 1 when node 2 does; bit 1 is disabled. */
  readonly channelFlags: number;
  readonly cltvExpiryDelta: number;
  readonly htlcMinimumMsat: bigint;
  readonly feeBaseMsat: number;
  readonly feeProportionalMillionths: number;
  /** Null in old updates, where bit 0 of the message flags says so. */
  readonly htlcMaximumMsat: bigint | null;
  readonly extra?: Uint8Array;
}

/** Where the signed part begins: after type and signature. */
export const CHANNEL_UPDATE_SIGNED_AT: number = 2 + SIGNATURE_BYTES;
/** Where the four bytes of the timestamp are. */
export const CHANNEL_UPDATE_TIMESTAMP_AT: number = CHANNEL_UPDATE_SIGNED_AT + HASH_BYTES + 8;

/** Until 2022 the field was there only with bit 0 of the message flags set; such updates are still relayed. */
function readHtlcMaximum(reader: Reader, messageFlags: number): bigint | null {
  return (messageFlags & 1) === 0 && reader.remaining < 8 ? null : reader.u64();
}

/** Codec of {@link ChannelUpdate}. */
export const channelUpdateCodec: Codec<ChannelUpdate> = {
  decode(reader) {
    const fields = {
      type: 258,
      signature: reader.take(SIGNATURE_BYTES),
      chainHash: reader.take(HASH_BYTES),
      scid: reader.u64(),
      timestamp: reader.u32(),
      messageFlags: reader.u8(),
      channelFlags: reader.u8(),
      cltvExpiryDelta: reader.u16(),
      htlcMinimumMsat: reader.u64(),
      feeBaseMsat: reader.u32(),
      feeProportionalMillionths: reader.u32(),
    } as const;
    const htlcMaximumMsat = readHtlcMaximum(reader, fields.messageFlags);
    return { ...fields, htlcMaximumMsat, extra: reader.rest(), raw: reader.bytes, known: true };
  },
  encode(writer, message) {
    writer.fixed(message.signature, SIGNATURE_BYTES);
    writer.fixed(message.chainHash, HASH_BYTES);
    writer.u64(message.scid);
    writer.u32(message.timestamp);
    writer.u8(message.messageFlags);
    writer.u8(message.channelFlags);
    writer.u16(message.cltvExpiryDelta);
    writer.u64(message.htlcMinimumMsat);
    writer.u32(message.feeBaseMsat);
    writer.u32(message.feeProportionalMillionths);
    if (message.htlcMaximumMsat !== null) writer.u64(message.htlcMaximumMsat);
    writer.bytes(message.extra ?? NOTHING);
  },
};
