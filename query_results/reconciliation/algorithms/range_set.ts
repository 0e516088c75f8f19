/**
 * A sorted set of which any range has a fingerprint: what range-based reconciliation works on.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Bytes of an id. */
export const ID_BYTES = 32;

/** Bytes of a fingerprint. */
export const FINGERPRINT_BYTES = 16;

/** An element: ids are ordered by timestamp, then byte by byte. */
export interface Item {
  /** A whole number below 2^53 − 1. */
  readonly timestamp: number;
  /** {@link ID_BYTES} bytes, and no other item's. */
  readonly id: Uint8Array;
}

/** A place between items: no item at or above it has a lower timestamp, or the same and a lower id. */
export interface Bound {
  /** `Infinity` is above every item. */
  readonly timestamp: number;
  /** As much of an id as is needed. */
  readonly id: Uint8Array;
}

/** Items in order, with sums so that a fingerprint takes one hash whatever its range is. */
export class RangeSet {
  /** In order. */
  readonly items: readonly Item[];
  readonly #sums: bigint[] = [0n];

  /** Of items in any order. */
  constructor(items: Iterable<Item>) {
    this.items = [...items].sort(compare);
    let sum = 0n;
    for (const { id } of this.items) {
      sum += BigInt(`0x${id.toReversed().toHex()}`);
      this.#sums.push(sum);
    }
  }

  /** The index of the first item at or above a bound, from `from` on. */
  indexOf(bound: Bound, from: number): number {
    let low = from, high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.items[middle], bound) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** SHA-256 of the sum of ids, little endian mod 2^256, and of their number; its first bytes. */
  fingerprint(from: number, until: number): Uint8Array {
    const sum = BigInt.asUintN(256, this.#sums[until] - this.#sums[from]);
    const bytes = new Uint8Array(
      BigUint64Array.from([0n, 64n, 128n, 192n], (at) => sum >> at).buffer,
    );
    const hash = createHash("sha256").update(bytes).update(Uint8Array.from(varint(until - from)));
    return Uint8Array.from(hash.digest().subarray(0, FINGERPRINT_BYTES));
  }

  /** The shortest bound between the items before and at an index. */
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

/** A number in groups of seven bits, the highest first; all but the last have their top bit set. */
export function varint(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(rest % 128 + 128);
  }
  return bytes;
}
