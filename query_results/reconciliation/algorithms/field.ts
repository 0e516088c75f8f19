/**
 * GF(2^b) arithmetic on vectors in WebAssembly's memory, compiled from our text when a field is first used.
 *
 * @module
 */
import { assemble } from "./assemble.ts";
import { type FieldBits, fieldWat, HEAP } from "./field_wat.ts";

/** One field. Addresses are bytes of {@link Field.words}' buffer; an element is one word, coefficients go upwards. */
export interface Field {
  readonly bits: FieldBits;
  /** The whole memory as words. It is another array after each {@link Field.reserve}. */
  readonly words: BigUint64Array<ArrayBuffer>;
  /** Makes room for `count` words of the caller's; returns the address of the first. What stood there may be gone. */
  reserve(count: number): number;
  /** `*out = 1 / *in`, which must not be zero. */
  invert(out: number, input: number): void;
  /**
   * `to[i] = from[i]²` for n words, `stride` bytes apart in `to`, in order: with `to` one word after `from`, each is
   * the square of the one before it.
   */
  square(to: number, stride: number, from: number, n: number): void;
  /** `to[i] += Σ scalar[j]·row[j][i]` over `count` rows of n words, `stride` bytes apart. */
  combine(
    to: number,
    row: number,
    stride: number,
    n: number,
    scalar: number,
    count: number,
  ): void;
  /** `*out = Σ a[i]·b[−i]` over n words. @returns whether it is not zero, as 1 or 0. */
  dot(out: number, a: number, b: number, n: number): number;
  /** Adds n ids to the odd power sums. @returns how many: it stops at one that is no element. */
  add(sketch: number, capacity: number, ids: number, n: number): number;
}

const PAGE_BYTES = 65536;

const fields = new Map<FieldBits, Field>();

/** The field of 2^bits elements; always the same one, as nothing stays in its memory between calls. */
export function fieldOf(bits: FieldBits): Field {
  let field = fields.get(bits);
  if (!field) fields.set(bits, field = compile(bits));
  return field;
}

function compile(bits: FieldBits): Field {
  const exports = assemble(`gf${bits}.wat`, fieldWat(bits));
  const memory = exports.memory as WebAssembly.Memory;
  let words = new BigUint64Array(memory.buffer as ArrayBuffer);
  return {
    ...exports as unknown as Pick<Field, "invert" | "square" | "combine" | "dot" | "add">,
    bits,
    get words() {
      return words;
    },
    reserve(count) {
      const missing = HEAP + count * 8 - memory.buffer.byteLength;
      if (missing > 0) {
        memory.grow(Math.ceil(missing / PAGE_BYTES));
        words = new BigUint64Array(memory.buffer as ArrayBuffer);
      }
      return HEAP;
    },
  };
}
