// A bounded queue that serves its sources in turn, so that one source's flood delays and crowds out only its own.

/** How much a {@link FairQueue} holds. An item's cost is what `push` says: here, bytes. */
export interface FairQueueLimits {
  readonly total: number;
  readonly perSource: number;
}

interface Line<T> {
  readonly source: number;
  items: { item: T; cost: number }[];
  head: number;
  cost: number;
}

/** Taken items stay in an array up to this number, which makes taking one cheap. */
const COMPACT_AT = 1024;

/** First in, first out within a source; one from each source in turn. */
export class FairQueue<T> {
  #lines = new Map<number, Line<T>>();
  /** Lines with waiting items, next one first; what is before `#turn` has had its turn. */
  #order: Line<T>[] = [];
  #turn = 0;
  #cost = 0;
  #length = 0;

  constructor(private readonly limits: FairQueueLimits) {}

  get length(): number {
    return this.#length;
  }

  /** Puts an item at the end of its source's line; false when it finds no room and is left out. */
  push(source: number, item: T, cost: number): boolean {
    let line = this.#lines.get(source);
    const waiting = line?.cost ?? 0;
    if (this.#cost + cost > this.limits.total || waiting + cost > this.limits.perSource) {
      return false;
    }
    if (!line) {
      line = { source, items: [], head: 0, cost: 0 };
      this.#lines.set(source, line);
      this.#order.push(line);
    }
    line.items.push({ item, cost });
    line.cost += cost;
    this.#cost += cost;
    this.#length++;
    return true;
  }

  shift(): T | undefined {
    const line = this.#order[this.#turn];
    if (!line) return undefined;
    this.#turn++;
    const { item, cost } = line.items[line.head++];
    line.cost -= cost;
    this.#cost -= cost;
    this.#length--;
    if (line.head === line.items.length) {
      this.#lines.delete(line.source);
    } else {
      if (line.head >= COMPACT_AT) {
        line.items = line.items.slice(line.head);
        line.head = 0;
      }
      this.#order.push(line);
    }
    if (this.#turn >= COMPACT_AT || this.#turn === this.#order.length) {
      this.#order = this.#order.slice(this.#turn);
      this.#turn = 0;
    }
    return item;
  }
}
