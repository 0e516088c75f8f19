/**
 * The scid of a message without decoding the rest of it.
 *
 * @module
 */
import { HASH_BYTES, SIGNATURE_BYTES } from "../../../shared/bolt/codec.ts";
import { CHANNEL_ANNOUNCEMENT_SIGNED_AT } from "../../../shared/bolt/channel_announcement.ts";

const UPDATE_SCID_AT = 2 + SIGNATURE_BYTES + HASH_BYTES;

/** The scid of a channel_announcement or channel_update, unsigned; null of other types and when it is cut short. */
export function scidIn(raw: Uint8Array): bigint | null {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  let at: number;
  if (raw[0] === 1 && raw[1] === 2) at = UPDATE_SCID_AT;
  else if (raw[0] === 1 && raw[1] === 0 && raw.length >= CHANNEL_ANNOUNCEMENT_SIGNED_AT + 2) {
    const features = view.getUint16(CHANNEL_ANNOUNCEMENT_SIGNED_AT);
    at = CHANNEL_ANNOUNCEMENT_SIGNED_AT + 2 + features + HASH_BYTES;
  } else return null;
  return raw.length < at + 8 ? null : view.getBigUint64(at);
}
