// GF(2^b) vector arithmetic in WebAssembly, compiled when a field is first used.

import { assemble } from "./assemble.ts";
import { type FieldBits, fieldWat, HEAP } from "./field_wat.ts";

/** One field. Addresses are byte offsets into {@link Field.words}; polynomials start with their constant. */
export interface Field {
  readonly bits: FieldBits;
  /** The memory as words; {@link Field.reserve} may replace the array. */
  readonly words: BigUint64Array<ArrayBuffer>;
  /** Makes room for `count` words of the caller and returns their address. */
  reserve(count: number): number;
  /** `*out = 1 / *in`; the input must not be zero. */
  invert(out: number, input: number): void;
  /** `to[i] = from[i]²`, ascending, so `to = from + 8` squares repeatedly; `to` advances by `stride` bytes. */
  square(to: number, stride: number, from: number, n: number): void;
  /** `to[i] += Σ scalar[j]·row[j][i]` over `count` rows of n words, `stride` bytes apart. */
  combine(to: number, row: number, stride: number, n: number, scalar: number, count: number): void;
  /** `*out = Σ a[i]·b[−i]` over n words; returns 1 if it is not zero. */
  dot(out: number, a: number, b: number, n: number): number;
  /** Adds n ids to odd power sums; returns the number added, fewer if one is not an element. */
  add(sketch: number, capacity: number, ids: number, n: number): number;
}

const PAGE_BYTES = 65536;

const fields = new Map<FieldBits, Field>();

/** The field of 2^bits elements. All callers share it: nothing stays in its memory between calls. */
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
