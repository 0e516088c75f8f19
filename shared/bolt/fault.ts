// How the BOLT codecs refuse.

import { Fault } from "../errors.ts";

/**
 * - `truncated`: the bytes end inside a field;
 * - `trailing`: bytes are left where a field should end;
 * - `not_minimal`: a BigSize in more bytes than it needs (BOLT 1);
 * - `tlv_order`: TLV types that do not strictly ascend (BOLT 1);
 * - `unknown_even_tlv`: a TLV record we must understand and do not (BOLT 1);
 * - `bad_length`: a field whose length its content cannot have;
 * - `count_mismatch`: not one flag, timestamp pair or checksum pair for each scid (BOLT 7);
 * - `compressed`: encoding 1, zlib, which must not be used and is never inflated (BOLT 7);
 * - `unknown_encoding`: an array encoding above 1;
 * - `out_of_range`: a value that its field on the wire cannot hold;
 * - `too_long`: a message above 65,535 bytes (BOLT 8's limit);
 * - `bad_text`: text that is not an scid.
 */
export type BoltCode =
  | "truncated"
  | "trailing"
  | "not_minimal"
  | "tlv_order"
  | "unknown_even_tlv"
  | "bad_length"
  | "count_mismatch"
  | "compressed"
  | "unknown_encoding"
  | "out_of_range"
  | "too_long"
  | "bad_text";

/** The only thing that decoders of this folder throw, whatever the bytes are. */
export class BoltFault extends Fault<BoltCode> {
  override readonly name = "BoltFault";
}
