// Which number a message has, by the SHA-256 of its bytes: a hash table in typed arrays, of bounded size.
//
// Numbers are dealt out from 0. The table keeps the newest `capacity` of them; a message that comes again after its
// number was forgotten gets a new one.

import { type Random, randomInteger } from "../../shared/random.ts";

const DIGEST_WORDS = 8;
/** Slots per message: linear probing stays short in a table that is at most half full. */
const SLOTS_PER_MESSAGE = 2;

/** Numbers by digest. */
export class MessageIndex {
  readonly capacity: number;
  next = 0;
  readonly #digests: Uint32Array;
  /** Numbers plus one, 0 where a slot is free. */
  readonly #slots: Uint32Array;
  readonly #shift: number;
  /**
   * A peer may make digests that agree in many bits, but not in the product with keys it does not know: otherwise it
   * could fill one stretch of the table.
   */
  readonly #keys: readonly [number, number];

  /** Starts empty. `capacityLog2` is the base-2 logarithm of {@link MessageIndex.capacity}. */
  constructor(capacityLog2: number, random: Random) {
    this.capacity = 2 ** capacityLog2;
    this.#digests = new Uint32Array(this.capacity * DIGEST_WORDS);
    this.#slots = new Uint32Array(this.capacity * SLOTS_PER_MESSAGE);
    this.#shift = 32 - Math.log2(this.#slots.length);
    const odd = () => 2 * randomInteger(random, 2 ** 31) + 1;
    this.#keys = [odd(), odd()];
  }

  get oldest(): number {
    return Math.max(0, this.next - this.capacity);
  }

  /** The number of the message with this digest, or -1. `digest` is eight words of SHA-256. */
  find(digest: Uint32Array): number {
    const slot = this.#slotOf(digest);
    return this.#slots[slot] - 1;
  }

  /** Gives the next number to a message that {@link find} does not know; forgets the oldest when it is full. */
  add(digest: Uint32Array): number {
    if (this.next >= this.capacity) this.#remove(this.next - this.capacity);
    const number = this.next++;
    this.#digests.set(digest, this.#at(number));
    this.#slots[this.#slotOf(digest)] = number + 1;
    return number;
  }

  #slotOf(digest: Uint32Array): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#home(digest, 0);; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry === 0 || this.#holds(this.#at(entry - 1), digest)) return slot;
    }
  }

  #holds(at: number, digest: Uint32Array): boolean {
    for (let i = 0; i < DIGEST_WORDS; i++) {
      if (this.#digests[at + i] !== digest[i]) return false;
    }
    return true;
  }

  /** Where probing for the digest that begins at `at` of `words` starts (multiply-shift hashing). */
  #home(words: Uint32Array, at: number): number {
    const [a, b] = this.#keys;
    return (Math.imul(words[at], a) + Math.imul(words[at + 1], b)) >>> this.#shift;
  }

  /** Frees a number's slot and closes the hole, so that probing needs no tombstones (Knuth, 6.4, algorithm R). */
  #remove(number: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const at = this.#at(number);
    let hole = this.#slotOf(this.#digests.subarray(at, at + DIGEST_WORDS));
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#home(this.#digests, this.#at(slots[slot] - 1));
      // An entry may move back into the hole unless that would put it before its home.
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = slots[slot];
        hole = slot;
      }
    }
    slots[hole] = 0;
  }

  #at(number: number): number {
    return (number & (this.capacity - 1)) * DIGEST_WORDS;
  }
}
