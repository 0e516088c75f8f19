// A sorted set with a fingerprint for any range.

import { createHash } from "node:crypto";

/** Length of an id. */
export const ID_BYTES = 32;

/** Length of a fingerprint. */
export const FINGERPRINT_BYTES = 16;

/** An element, ordered by timestamp, then id. */
export interface Item {
  /** A whole number below 2^53 − 1. */
  readonly timestamp: number;
  /** {@link ID_BYTES} bytes, unique in the set. */
  readonly id: Uint8Array;
}

/** The lower end of a range: the first item that is not smaller starts it. */
export interface Bound {
  /** `Infinity` is the end of the set. */
  readonly timestamp: number;
  /** A prefix of an id. */
  readonly id: Uint8Array;
}

/** Sorted items with prefix sums, so that every fingerprint costs one hash. */
export class RangeSet {
  readonly items: readonly Item[];
  readonly #sums: bigint[] = [0n];

  constructor(items: Iterable<Item>) {
    this.items = [...items].sort(compare);
    let sum = 0n;
    for (const { id } of this.items) {
      sum += BigInt(`0x${id.toReversed().toHex()}`);
      this.#sums.push(sum);
    }
  }

  /** The index of the first item from `from` on that is not below a bound. */
  indexOf(bound: Bound, from: number): number {
    let low = from, high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.items[middle], bound) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first bytes of SHA-256 over the sum of ids (little endian, mod 2^256) and their number. */
  fingerprint(from: number, until: number): Uint8Array {
    const sum = BigInt.asUintN(256, this.#sums[until] - this.#sums[from]);
    const bytes = new Uint8Array(
      BigUint64Array.from([0n, 64n, 128n, 192n], (at) => sum >> at).buffer,
    );
    const hash = createHash("sha256").update(bytes).update(Uint8Array.from(varint(until - from)));
    return Uint8Array.from(hash.digest().subarray(0, FINGERPRINT_BYTES));
  }

  /** The shortest bound that separates the item at an index from the one before it. */
  boundBefore(index: number): Bound {
    const { timestamp, id } = this.items[index], before = this.items[index - 1];
    if (timestamp !== before.timestamp) return { timestamp, id: new Uint8Array() };
    const shared = id.findIndex((byte, i) => byte !== before.id[i]);
    return { timestamp, id: id.slice(0, shared + 1) };
  }
}

function compare(a: Bound, b: Bound): number {
  if (a.timestamp !== b.timestamp) return a.timestamp - b.timestamp;
  const shared = Math.min(a.id.length, b.id.length);
  for (let i = 0; i < shared; i++) if (a.id[i] !== b.id[i]) return a.id[i] - b.id[i];
  return a.id.length - b.id.length;
}

/** Base 128, most significant digit first; the top bit marks all bytes but the last. */
export function varint(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(rest % 128 + 128);
  }
  return bytes;
}
