// The checksum of a channel_update in replies to queries (BOLT 7, `checksums_tlv`).

import { CHANNEL_UPDATE_SIGNED_AT, CHANNEL_UPDATE_TIMESTAMP_AT } from "./channel_update.ts";
import { crc32c } from "./crc32c.ts";

/**
 * CRC32C of a channel_update without type, signature and timestamp: equal for two updates that say the same.
 * Bytes after the known fields count, as in Core Lightning; Eclair leaves them out, so a mismatch is only a hint.
 *
 * @param raw a whole channel_update that decodes, type included.
 */
export function channelUpdateChecksum(raw: Uint8Array): number {
  const before = raw.subarray(CHANNEL_UPDATE_SIGNED_AT, CHANNEL_UPDATE_TIMESTAMP_AT);
  return crc32c(raw.subarray(CHANNEL_UPDATE_TIMESTAMP_AT + 4), crc32c(before));
}
