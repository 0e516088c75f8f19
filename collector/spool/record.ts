/**
 * One record of a spool segment: a batch and which one it is.
 *
 * | offset | what |
 * |---|---|
 * | 0 | u32 length of the payload, which is all from offset 8 |
 * | 4 | u32 CRC-32 (zlib's) of the payload |
 * | 8 | u64 epoch, u64 number |
 * | 24 | the batch's bytes |
 *
 * All integers are little-endian.
 */
import { crc32 } from "node:zlib";
import { MAX_BATCH_BYTES } from "../../shared/batch/codec.ts";

export interface BatchNumber {
  readonly epoch: number;
  readonly number: number;
}

/** Bytes before the payload: they say how long it is. */
export const RECORD_PREFIX_BYTES = 8;
export const RECORD_HEADER_BYTES = 24;
export const MAX_RECORD_BYTES: number = RECORD_HEADER_BYTES + MAX_BATCH_BYTES;

/** The record of a batch. */
export function encodeRecord(bytes: Uint8Array, { epoch, number }: BatchNumber): Uint8Array {
  const record = new Uint8Array(RECORD_HEADER_BYTES + bytes.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, record.length - RECORD_PREFIX_BYTES, true);
  view.setBigUint64(8, BigInt(epoch), true);
  view.setBigUint64(16, BigInt(number), true);
  record.set(bytes, RECORD_HEADER_BYTES);
  view.setUint32(4, crc32(record.subarray(RECORD_PREFIX_BYTES)), true);
  return record;
}

/**
 * How long the record is that begins with these bytes, of which there are at least {@link RECORD_PREFIX_BYTES}; null
 * when no record does.
 */
export function recordLength(prefix: Uint8Array): number | null {
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = RECORD_PREFIX_BYTES + view.getUint32(0, true);
  return length < RECORD_HEADER_BYTES || length > MAX_RECORD_BYTES ? null : length;
}

/** Which batch a record says it holds; its CRC is not looked at. */
export function recordNumber(record: Uint8Array): BatchNumber {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  return { epoch: Number(view.getBigUint64(8, true)), number: Number(view.getBigUint64(16, true)) };
}

/** The batch in a record of the length that {@link recordLength} gave, as a view; null when its CRC does not fit. */
export function recordBatch(record: Uint8Array): Uint8Array | null {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const sum = crc32(record.subarray(RECORD_PREFIX_BYTES));
  return view.getUint32(4, true) === sum ? record.subarray(RECORD_HEADER_BYTES) : null;
}
