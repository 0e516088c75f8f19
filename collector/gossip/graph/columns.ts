// What the tables of the graph are made of: columns that grow, slots, and the order of the rows.

export type GraphColumn = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** A copy with room for `length` items, zeros after the old ones. */
export function longer<C extends GraphColumn>(column: C, length: number): C {
  const copy = new (column.constructor as new (length: number) => C)(length);
  copy.set(column);
  return copy;
}

/** Slots from 0 on; those given back are dealt out again first. */
export class SlotPool {
  readonly #free: number[] = [];
  #next = 0;

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  giveBack(slot: number): void {
    this.#free.push(slot);
  }
}

/** Compares the row at a slot with the key sought: below 0 when the row comes before it, 0 when it has that key. */
export type Order = (slot: number) => number;

/** Slots in the order of their rows. */
export class SortedSlots {
  #slots = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(position: number): number {
    return this.#slots[position];
  }

  /** The position of the first row that is not before the key sought; {@link length} when all are. */
  lowerBound(order: Order): number {
    let low = 0, high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order(this.#slots[middle]) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  find(order: Order): number {
    const position = this.lowerBound(order);
    if (position === this.#length) return -1;
    const slot = this.#slots[position];
    return order(slot) === 0 ? slot : -1;
  }

  insert(position: number, slot: number): void {
    if (this.#length === this.#slots.length) this.#slots = longer(this.#slots, 2 * this.#length);
    this.#slots.copyWithin(position + 1, position, this.#length);
    this.#slots[position] = slot;
    this.#length++;
  }

  remove(position: number): void {
    this.#slots.copyWithin(position, position + 1, this.#length);
    this.#length--;
  }
}

/** Whether two byte strings of one length are the same. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
