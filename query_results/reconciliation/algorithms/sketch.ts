// PinSketch (Dodis et al., "Fuzzy Extractors", 2008): a set's odd power sums over GF(2^b), in the format of
// https://github.com/bitcoin-core/minisketch.

import { type Decoded, decodeSums } from "./decode.ts";
import { refuse } from "./fault.ts";
import { fieldOf } from "./field.ts";
import type { FieldBits } from "./field_wat.ts";

/** Four times the draft BOLT's capacity; decoding it takes about 70 MiB. */
export const MAX_CAPACITY = 4096;

/** Ids copied into WebAssembly at a time: 64 KiB. */
const CHUNK = 8192;

/** A sketch of a set. Merging two gives the sketch of their symmetric difference. */
export class Sketch {
  /** The most differences it can decode. */
  readonly capacity: number;
  readonly #sums: BigUint64Array;

  /**
   * A sketch of the empty set.
   *
   * @throws {ReconciliationFault} `too_large` above {@link MAX_CAPACITY}.
   */
  constructor(readonly bits: FieldBits, capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 0 || capacity > MAX_CAPACITY) {
      refuse(
        "too_large",
        `cannot make a sketch of capacity ${capacity}: 0 to ${MAX_CAPACITY} is allowed`,
      );
    }
    this.capacity = capacity;
    this.#sums = new BigUint64Array(capacity);
  }

  /** The length of {@link Sketch.serialize}, in bytes. */
  static byteLength(bits: FieldBits, capacity: number): number {
    return Math.ceil(bits * capacity / 8);
  }

  /**
   * Reads what {@link Sketch.serialize} wrote. Ignores padding bits, as minisketch does.
   *
   * @throws {ReconciliationFault} `bad_length` or `too_large`.
   */
  static from(bits: FieldBits, bytes: Uint8Array): Sketch {
    const sketch = new Sketch(bits, Math.floor(bytes.length * 8 / bits));
    if (Sketch.byteLength(bits, sketch.capacity) !== bytes.length) {
      refuse(
        "bad_length",
        `cannot read a sketch of ${bytes.length} bytes: not a whole number of ${bits}-bit sums`,
      );
    }
    const words = new Uint8Array(sketch.#sums.buffer);
    moveNibbles(words, 16, bytes, bits / 4, bits / 4, sketch.capacity);
    return sketch;
  }

  /** Adds one id, or removes it if the set has it. Throws like {@link Sketch.addAll}. */
  add(id: bigint): void {
    if (id !== BigInt.asUintN(64, id)) badElement(id, this.bits);
    this.addAll(BigUint64Array.of(id));
  }

  /**
   * Adds ids, much faster than one by one.
   *
   * @throws {ReconciliationFault} `bad_element` for zero or more than `bits` bits; then none is added.
   */
  addAll(ids: BigUint64Array): void {
    const { bits, capacity } = this;
    const field = fieldOf(bits);
    const sums = field.reserve(capacity + Math.min(CHUNK, ids.length)), { words } = field;
    words.set(this.#sums, sums / 8);
    for (let start = 0; start < ids.length; start += CHUNK) {
      const chunk = ids.subarray(start, start + CHUNK);
      words.set(chunk, sums / 8 + capacity);
      const added = field.add(sums, capacity, sums + capacity * 8, chunk.length);
      if (added < chunk.length) badElement(chunk[added], bits);
    }
    this.#sums.set(words.subarray(sums / 8, sums / 8 + capacity));
  }

  /**
   * The sketch of the symmetric difference, with the smaller capacity of the two.
   *
   * @throws {ReconciliationFault} `mismatch` when the fields differ.
   */
  merge(other: Sketch): Sketch {
    if (other.bits !== this.bits) {
      refuse("mismatch", `cannot merge a sketch of ${other.bits} bits into one of ${this.bits}`);
    }
    const merged = new Sketch(this.bits, Math.min(this.capacity, other.capacity));
    for (let i = 0; i < merged.capacity; i++) merged.#sums[i] = this.#sums[i] ^ other.#sums[i];
    return merged;
  }

  /** The same set in a smaller sketch. Throws `too_large` above this one's capacity. */
  prefix(capacity: number): Sketch {
    if (capacity > this.capacity) {
      refuse(
        "too_large",
        `cannot take a prefix of ${capacity}: the sketch has ${this.capacity} sums`,
      );
    }
    const prefix = new Sketch(this.bits, capacity);
    prefix.#sums.set(this.#sums.subarray(0, capacity));
    return prefix;
  }

  /** The sums in `bits` bits each, least significant bit first. */
  serialize(): Uint8Array<ArrayBuffer> {
    const { bits, capacity } = this;
    const bytes = new Uint8Array(Sketch.byteLength(bits, capacity));
    moveNibbles(bytes, bits / 4, new Uint8Array(this.#sums.buffer), 16, bits / 4, capacity);
    return bytes;
  }

  /**
   * The set, ascending, or why it cannot be decoded.
   *
   * @param maxElements fails above this. Less than the capacity makes wrong answers rarer: see {@link computeCapacity}.
   */
  decode(maxElements = this.capacity): Decoded {
    return decodeSums(fieldOf(this.bits), this.#sums, maxElements);
  }
}

/** Copies `count` elements of `nibbles` nibbles; strides are in nibbles. */
function moveNibbles(
  to: Uint8Array,
  toStride: number,
  from: Uint8Array,
  fromStride: number,
  nibbles: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < nibbles; k++) {
      const source = i * fromStride + k, target = i * toStride + k;
      const value = from[source >> 1] >> 4 * (source & 1) & 15;
      to[target >> 1] |= value << 4 * (target & 1);
    }
  }
}

function badElement(id: bigint, bits: FieldBits): never {
  refuse("bad_element", `cannot add ${id} to a sketch: 1 to 2^${bits} − 1 is allowed`);
}

/**
 * The capacity that decodes up to `maxElements` differences and mistakes more for a set at most once in
 * 2^falsePositiveBits: minisketch's `compute_capacity`, but with the exact log2(n!) also above n = 57.
 */
export function computeCapacity(
  bits: FieldBits,
  maxElements: number,
  falsePositiveBits: number,
): number {
  let log2Factorial = 0;
  for (let n = 2; n <= maxElements && log2Factorial < falsePositiveBits; n++) {
    log2Factorial += Math.log2(n);
  }
  const padding = Math.max(0, falsePositiveBits - Math.floor(log2Factorial));
  return maxElements + Math.ceil(padding / bits);
}
