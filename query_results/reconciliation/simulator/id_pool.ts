// Room for the message ids of batches under way: blocks of 2^k integers in one array, reused by size.

/** See the module. A block is its first index in {@link IdPool.ids}. */
export class IdPool {
  /** All blocks. It is replaced when it grows, so read it anew after {@link IdPool.allocate}. */
  ids = new Int32Array(1 << 16);
  #used = 0;
  readonly #free: number[][] = Array.from({ length: 31 }, () => []);

  /** A block of at least `count` ids. */
  allocate(count: number): number {
    const level = levelOf(count);
    const block = this.#free[level].pop();
    if (block !== undefined) return block;
    const start = this.#used;
    this.#used += 1 << level;
    if (this.#used > this.ids.length) this.ids = grown(this.ids, this.#used);
    return start;
  }

  /** Gives back a block that was allocated for `count` ids. */
  release(block: number, count: number): void {
    this.#free[levelOf(count)].push(block);
  }
}

function levelOf(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}

/** A copy with room for at least `least` integers, and for twice as many as before: growing costs nothing in the long run. */
export function grown(array: Int32Array, least: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(2 * array.length, least));
  larger.set(array);
  return larger;
}

/** Integers in an array that grows; the first `count` hold. */
export class IntList {
  ids = new Int32Array(256);
  count = 0;

  push(id: number): void {
    if (this.count === this.ids.length) this.ids = grown(this.ids, 0);
    this.ids[this.count++] = id;
  }

  /** Empty, with room for `least`. */
  cleared(least: number): this {
    if (this.ids.length < least) this.ids = new Int32Array(2 * least);
    this.count = 0;
    return this;
  }

  /** The integers, until the next change. */
  get held(): Int32Array {
    return this.ids.subarray(0, this.count);
  }
}
