// What the codecs of the single messages have in common. `extra` holds the bytes after the fields known here, which
// in gossip are signed as well; scids are unsigned.

import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** What decoding adds to a message's fields. */
export type Decoded<Fields> = Fields & {
  /** The whole message as it came, type included; byte fields are views of it. */
  readonly raw: Uint8Array;
  readonly known: true;
};

/** Both ways of one message type, from after its u16 type on. */
export interface Codec<Fields> {
  /** Reads the fields. @throws {BoltFault} when the bytes are not of this type's layout. */
  decode(reader: Reader): Decoded<Fields>;
  /** Writes the fields. @throws {BoltFault} when a field does not fit the wire. */
  encode(writer: Writer, message: Fields): void;
}

/** A compact signature. */
export const SIGNATURE_BYTES = 64;
/** A compressed secp256k1 point. */
export const KEY_BYTES = 33;
/** `chain_hash` and `channel_id`. */
export const HASH_BYTES = 32;

/** No bytes: an absent `extra`. */
export const NOTHING: Uint8Array = new Uint8Array(0);
