// CRC32C (RFC 3720), and the checksum of a channel_update (BOLT 7) that is made of it.

import { CHANNEL_UPDATE_SIGNED_AT, CHANNEL_UPDATE_TIMESTAMP_AT } from "./channel_update.ts";

/** The polynomial 0x1EDC6F41, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let i = 0; i < 8; i++) crc = crc & 1 ? crc >>> 1 ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/**
 * The CRC32C of `bytes`, unsigned.
 * @param before the CRC32C of what comes before them, when they are a later part of one text.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]) & 0xff] ^ crc >>> 8;
  return ~crc >>> 0;
}

/**
 * CRC32C of a channel_update without type, signature and timestamp: equal for two updates that say the same. Bytes
 * after the known fields count, as in Core Lightning; Eclair leaves them out, so a mismatch is only a hint.
 * @param raw a whole channel_update that decodes, type included.
 */
export function channelUpdateChecksum(raw: Uint8Array): number {
  const before = raw.subarray(CHANNEL_UPDATE_SIGNED_AT, CHANNEL_UPDATE_TIMESTAMP_AT);
  return crc32c(raw.subarray(CHANNEL_UPDATE_TIMESTAMP_AT + 4), crc32c(before));
}
