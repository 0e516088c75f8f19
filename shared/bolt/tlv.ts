// TLV streams (BOLT 1): records of type, length and value, types strictly ascending.

import { readBigSize, writeBigSize } from "./bigsize.ts";
import { BoltFault } from "./fault.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** One record. */
export interface TlvRecord {
  readonly type: bigint;
  readonly value: Uint8Array;
}

/** Reads the values of the types that a message knows; each must read its value to the end. */
export type TlvHandlers = ReadonlyMap<bigint, (value: Reader) => void>;

/**
 * Reads the stream that fills the rest of `reader`.
 * @returns the odd records without a handler, in order, so that encoding can put them back.
 * @throws {BoltFault} `truncated`, `not_minimal`, `tlv_order`, `unknown_even_tlv`, `trailing` when a handler left
 * bytes of its value, and whatever the handlers throw.
 */
export function readTlvStream(reader: Reader, handlers: TlvHandlers): TlvRecord[] {
  const unknown: TlvRecord[] = [];
  let last = -1n;
  while (reader.remaining > 0) {
    const type = readBigSize(reader);
    if (type <= last) {
      throw new BoltFault("tlv_order", `TLV type ${type} after ${last}; types should ascend`);
    }
    last = type;
    const value = readValue(reader, type);
    const handler = handlers.get(type);
    if (handler) {
      const field = new Reader(value, `TLV ${type}`);
      handler(field);
      field.end();
    } else if (type % 2n === 0n) {
      throw new BoltFault("unknown_even_tlv", `TLV type ${type} is even and not known here`);
    } else {
      unknown.push({ type, value });
    }
  }
  return unknown;
}

function readValue(reader: Reader, type: bigint): Uint8Array {
  const length = readBigSize(reader);
  // Compared as bigint: a length above 2^53 must not round to something that fits.
  if (length > BigInt(reader.remaining)) {
    throw new BoltFault(
      "truncated",
      `TLV ${type}: ${reader.remaining} bytes left, ${length} needed`,
    );
  }
  return reader.take(Number(length));
}

/**
 * Writes records in the order of their types.
 * @throws {BoltFault} `tlv_order` when two have one type, `out_of_range` when a type is above 64 bits.
 */
export function writeTlvStream(writer: Writer, records: readonly TlvRecord[]): void {
  const ordered = records.toSorted((a, b) => a.type < b.type ? -1 : a.type > b.type ? 1 : 0);
  ordered.forEach((record, i) => {
    if (i > 0 && record.type === ordered[i - 1].type) {
      throw new BoltFault("tlv_order", `TLV type ${record.type} is there twice`);
    }
    writeBigSize(writer, record.type);
    writeBigSize(writer, BigInt(record.value.length));
    writer.bytes(record.value);
  });
}

/** A record whose value is written by `write`. */
export function tlvRecord(type: bigint, write: (value: Writer) => void): TlvRecord {
  const value = new Writer(`TLV ${type}`);
  write(value);
  return { type, value: value.finish() };
}
