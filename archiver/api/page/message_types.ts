// The types of an epoch's newest messages, by the collector's number: one byte each, in a ring.

const FIRST_SIZE = 2 ** 14;
/** Two days of new messages of the real network; receipts of older ones count as of another type. */
const MAX_SIZE = 2 ** 20;
/** Set in the byte of a message whose spread is followed. */
export const FOLLOWED = 0x80;

/** A byte per message number; 0 where nothing is known. */
export class MessageTypes {
  #codes = new Uint8Array(FIRST_SIZE);
  #end = 0;

  get(number: number): number {
    if (number >= this.#end || number < this.#end - this.#codes.length) return 0;
    return this.#codes[number & (this.#codes.length - 1)];
  }

  /** {@link get} of each. */
  of(numbers: Uint32Array): Uint8Array {
    const codes = new Uint8Array(numbers.length);
    for (let i = 0; i < numbers.length; i++) codes[i] = this.get(numbers[i]);
    return codes;
  }

  set(number: number, code: number): void {
    this.#reach(number);
    if (number >= this.#end - this.#codes.length) {
      this.#codes[number & (this.#codes.length - 1)] = code;
    }
  }

  #reach(number: number): void {
    if (number < this.#end) return;
    let size = this.#codes.length;
    while (number >= size && size < MAX_SIZE) size *= 2;
    if (size !== this.#codes.length) {
      // It grows before it ever wraps, so each byte keeps its place.
      const grown = new Uint8Array(size);
      grown.set(this.#codes);
      this.#codes = grown;
    }
    // The numbers skipped, in one stretch of the ring or two.
    const from = Math.max(this.#end, number - size + 1) & (size - 1);
    const to = number & (size - 1);
    if (from <= to) this.#codes.fill(0, from, to + 1);
    else this.#codes.fill(0, from).fill(0, 0, to + 1);
    this.#end = number + 1;
  }
}
