/**
 * Typed arrays that grow, as the columns of a table whose rows are slots.
 *
 * @module
 */

/** The typed arrays in use here. */
export type Column = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** A copy with room for `length` items, zeros behind the old ones. */
export function longer<C extends Column>(column: C, length: number): C {
  const copy = new (column.constructor as new (length: number) => C)(length);
  copy.set(column);
  return copy;
}

/** Slots from 0 on; those given back are dealt out again first. */
export class SlotPool {
  readonly #free: number[] = [];
  #next = 0;

  /** A slot that is not in use. */
  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  /** Gives a slot back. */
  giveBack(slot: number): void {
    this.#free.push(slot);
  }
}
