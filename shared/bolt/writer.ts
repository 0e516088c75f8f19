// The counterpart of the reader: fields in, big-endian bytes out.

import { BoltFault } from "./fault.ts";

/** Collects fields in a buffer that grows. */
export class Writer {
  readonly #what: string;
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Starts empty. @param what Stands for the bytes in refusals, e.g. `channel_update`. */
  constructor(what: string) {
    this.#what = what;
  }

  /** One byte. @throws {BoltFault} `out_of_range` unless 0 ≤ value < 2^8; u16, u32 and u64 likewise. */
  u8(value: number): void {
    this.#check(value, 0xff);
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    this.#check(value, 0xffff);
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    this.#check(value, 0xffffffff);
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
  }

  u64(value: bigint): void {
    if (value !== BigInt.asUintN(64, value)) this.#refuse(value, "2^64 - 1");
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
  }

  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
  }

  /** A field of `length` bytes. @throws {BoltFault} `bad_length` when `value` has another length. */
  fixed(value: Uint8Array, length: number): void {
    if (value.length !== length) {
      throw new BoltFault(
        "bad_length",
        `${this.#what}: a field of ${length} bytes was given ${value.length}`,
      );
    }
    this.bytes(value);
  }

  /** Bytes after their own u16 length. @throws {BoltFault} `out_of_range` above 65,535 bytes. */
  sized16(value: Uint8Array): void {
    this.u16(value.length);
    this.bytes(value);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(length: number): number {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }

  #check(value: number, max: number): void {
    // `>= 0` is false for NaN too.
    if (!(Number.isInteger(value) && value >= 0 && value <= max)) this.#refuse(value, max);
  }

  #refuse(value: number | bigint, max: number | string): never {
    throw new BoltFault(
      "out_of_range",
      `${this.#what}: ${value} should be an integer from 0 to ${max}`,
    );
  }
}
