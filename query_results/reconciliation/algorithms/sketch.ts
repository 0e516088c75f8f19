/**
 * PinSketch: a set's odd power sums over GF(2^b), bit for bit as the reference library writes them
 * (https://github.com/bitcoin-core/minisketch; Dodis, Ostrovsky, Reyzin and Smith, "Fuzzy Extractors", 2008).
 *
 * @module
 */
import { type Decoded, decodeSums } from "./decode.ts";
import { ReconciliationFault } from "./fault.ts";
import { fieldOf } from "./field.ts";
import type { FieldBits } from "./field_wat.ts";

/** The largest sketch: four times the draft BOLT's, which decodes in 64 MiB of memory. */
export const MAX_CAPACITY = 4096;

/** How many ids are copied into WebAssembly at a time: 64 KiB. */
const CHUNK = 8192;

/** The sketch of a set; two merge into the sketch of their symmetric difference. */
export class Sketch {
  /** Bits per element. */
  readonly bits: FieldBits;
  /** How many differences it can decode at most. */
  readonly capacity: number;
  readonly #sums: BigUint64Array;

  /**
   * An empty set's.
   *
   * @throws {ReconciliationFault} `too_large` above {@link MAX_CAPACITY}.
   */
  constructor(bits: FieldBits, capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 0 || capacity > MAX_CAPACITY) {
      throw new ReconciliationFault(
        "too_large",
        `sketch capacity ${capacity}: a whole number up to ${MAX_CAPACITY} is allowed`,
      );
    }
    this.bits = bits;
    this.capacity = capacity;
    this.#sums = new BigUint64Array(capacity);
  }

  /** Length in bytes of what {@link Sketch.serialize} returns. */
  static byteLength(bits: FieldBits, capacity: number): number {
    return Math.ceil(bits * capacity / 8);
  }

  /**
   * Reads {@link Sketch.serialize}'s bytes; padding bits are ignored, as in the reference library.
   *
   * @throws {ReconciliationFault} `bad_length` when the bytes are no whole sketch, `too_large` as the constructor.
   */
  static from(bits: FieldBits, bytes: Uint8Array): Sketch {
    const sketch = new Sketch(bits, Math.floor(bytes.length * 8 / bits));
    if (Sketch.byteLength(bits, sketch.capacity) !== bytes.length) {
      throw new ReconciliationFault(
        "bad_length",
        `sketch of ${bytes.length} bytes: that is no whole number of ${bits}-bit sums`,
      );
    }
    const words = new Uint8Array(sketch.#sums.buffer);
    moveNibbles(words, 16, bytes, bits / 4, bits / 4, sketch.capacity);
    return sketch;
  }

  /** Adds one id, or takes it out when it is in the set. Throws as {@link Sketch.addAll}. */
  add(id: bigint): void {
    if (id !== BigInt.asUintN(64, id)) throw badElement(id, this.bits);
    this.addAll(BigUint64Array.of(id));
  }

  /**
   * Adds many; much faster than one by one.
   *
   * @throws {ReconciliationFault} `bad_element` for zero and for more than `bits` bits.
   */
  addAll(ids: BigUint64Array): void {
    const { bits, capacity } = this;
    const field = fieldOf(bits);
    for (let start = 0; start < ids.length; start += CHUNK) {
      const chunk = ids.subarray(start, start + CHUNK);
      const sums = field.reserve(capacity + chunk.length);
      field.words.set(this.#sums, sums / 8);
      field.words.set(chunk, sums / 8 + capacity);
      const taken = field.add(sums, capacity, sums + capacity * 8, chunk.length);
      if (taken < chunk.length) throw badElement(chunk[taken], bits);
      this.#sums.set(field.words.subarray(sums / 8, sums / 8 + capacity));
    }
  }

  /**
   * Adds the other set: what is in both goes. Equal capacities are kept, otherwise the smaller is left, as prefixes merge.
   *
   * @throws {ReconciliationFault} `mismatch` when the fields differ.
   */
  merge(other: Sketch): Sketch {
    if (other.bits !== this.bits) {
      throw new ReconciliationFault(
        "mismatch",
        `cannot merge a sketch of ${other.bits} bits into one of ${this.bits}`,
      );
    }
    const merged = new Sketch(this.bits, Math.min(this.capacity, other.capacity));
    for (let i = 0; i < merged.capacity; i++) merged.#sums[i] = this.#sums[i] ^ other.#sums[i];
    return merged;
  }

  /** The same set in a smaller sketch: its first sums. Throws `too_large` beyond what is there. */
  prefix(capacity: number): Sketch {
    if (capacity > this.capacity) {
      throw new ReconciliationFault(
        "too_large",
        `prefix of ${capacity}: the sketch has ${this.capacity} sums`,
      );
    }
    const prefix = new Sketch(this.bits, capacity);
    prefix.#sums.set(this.#sums.subarray(0, capacity));
    return prefix;
  }

  /** Each sum in `bits` bits, the least significant first. */
  serialize(): Uint8Array<ArrayBuffer> {
    const { bits, capacity } = this;
    const bytes = new Uint8Array(Sketch.byteLength(bits, capacity));
    moveNibbles(bytes, bits / 4, new Uint8Array(this.#sums.buffer), 16, bits / 4, capacity);
    return bytes;
  }

  /**
   * The ids, in ascending order, or why there are none.
   *
   * @param maxElements gives up when there would be more: with fewer than the capacity, a wrong answer is rarer,
   * see {@link computeCapacity}.
   */
  decode(maxElements = this.capacity): Decoded {
    return decodeSums(fieldOf(this.bits), this.#sums, maxElements);
  }
}

/** Moves `count` times `nibbles` half bytes between arrays in which elements start every so many half bytes. */
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

function badElement(id: bigint, bits: FieldBits): ReconciliationFault {
  return new ReconciliationFault(
    "bad_element",
    `sketch element ${id}: from 1 to 2^${bits} − 1 is allowed`,
  );
}

/**
 * The capacity at which up to `maxElements` differences decode, and more are taken for others at most once in
 * 2^falsePositiveBits: minisketch's `compute_capacity`, exact where that rounds log2(n!) down, from n = 58.
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
