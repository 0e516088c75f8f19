// The numbers of one epoch: collectors number messages and sessions densely, so a map is pages of ids; those in use are in
// memory, the others only in the archive.

/** log2 of the numbers in a page. */
export const PAGE_BITS = 12;
/** A number's place in its page is `number & PAGE_MASK`, its page `number >>> PAGE_BITS`. */
export const PAGE_MASK: number = (1 << PAGE_BITS) - 1;
const PAGE_NUMBERS = 1 << PAGE_BITS;

/** The page of numbers that mean nothing yet. Must not be written to. */
export const NO_PAGE: Int32Array = new Int32Array(PAGE_NUMBERS);

/** Numbers (32 bits) to ids. Id 0 means that the number means nothing. */
export class NumberMap {
  /** The pages in memory by their index, for the hot path to read from: `pages[number >>> PAGE_BITS] ?? NO_PAGE`. */
  readonly pages: (Int32Array | undefined)[] = [];
  /** When each page in memory was last of use, in {@link collectMissing} calls. */
  readonly #lastUse = new Map<number, number>();
  #tick = 0;
  #storedPages: number;

  /** Nothing in memory. @param storedNumbers all numbers that the archive knows are below this one. */
  constructor(storedNumbers = 0) {
    this.#storedPages = Math.ceil(storedNumbers / PAGE_NUMBERS);
  }

  get(number: number): number {
    return (this.pages[number >>> PAGE_BITS] ?? NO_PAGE)[number & PAGE_MASK];
  }

  set(number: number, id: number): void {
    const index = number >>> PAGE_BITS;
    let page = this.pages[index];
    if (page === undefined) {
      page = new Int32Array(PAGE_NUMBERS);
      this.pages[index] = page;
      this.#lastUse.set(index, this.#tick);
    }
    page[number & PAGE_MASK] = id;
  }

  /** Adds to `missing` the pages that `numbers` need and only the archive has; marks the others as in use. */
  collectMissing(numbers: Uint32Array, missing: Set<number>): void {
    this.#tick++;
    let last = -1;
    for (let i = 0; i < numbers.length; i++) {
      const index = numbers[i] >>> PAGE_BITS;
      if (index === last) continue;
      last = index;
      if (this.pages[index] !== undefined) this.#lastUse.set(index, this.#tick);
      else if (index < this.#storedPages) missing.add(index);
    }
  }

  load(index: number, numbers: Iterable<readonly [number: number, id: number]>): void {
    this.pages[index] = new Int32Array(PAGE_NUMBERS);
    this.#lastUse.set(index, this.#tick);
    for (const [number, id] of numbers) this.set(number, id);
  }

  /** Drops the pages longest out of use until at most `limit` are left. All must be in the archive by now. */
  evict(limit: number): void {
    const excess = this.#lastUse.size - limit;
    if (excess <= 0) return;
    const oldest = [...this.#lastUse].sort((a, b) => a[1] - b[1]).slice(0, excess);
    for (const [index] of oldest) {
      this.pages[index] = undefined;
      this.#lastUse.delete(index);
      this.#storedPages = Math.max(this.#storedPages, index + 1);
    }
  }
}

/** The first and the last number of a page. */
export function pageBounds(index: number): readonly [first: number, last: number] {
  return [index * PAGE_NUMBERS, index * PAGE_NUMBERS + PAGE_MASK];
}
