// A cursor over bytes, big-endian as everything in BOLT. Byte fields are views of the input, not copies.

import { BoltFault } from "./fault.ts";

/** Reads fields one after another. */
export class Reader {
  readonly bytes: Uint8Array;
  readonly #what: string;
  readonly #view: DataView;
  #offset = 0;

  /** Starts at the first byte. @param what Stands for the bytes in refusals, e.g. `channel_update`. */
  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes;
    this.#what = what;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.length - this.#offset;
  }

  /** One byte. @throws {BoltFault} `truncated`, as all methods below that read. */
  u8(): number {
    return this.bytes[this.#advance(1)];
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  /** Eight bytes: scids and amounts do not fit a number. */
  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Bytes after their own u16 length. */
  sized16(): Uint8Array {
    return this.take(this.u16());
  }

  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** The end of the bytes. @throws {BoltFault} `trailing` unless all was read. */
  end(): void {
    if (this.remaining > 0) {
      throw new BoltFault(
        "trailing",
        `${this.#what}: ${this.remaining} bytes more than it should have`,
      );
    }
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length > this.bytes.length - start) {
      const left = this.bytes.length - start;
      throw new BoltFault(
        "truncated",
        `${this.#what}: ${left} bytes left at byte ${start}, ${length} needed`,
      );
    }
    this.#offset = start + length;
    return start;
  }
}
