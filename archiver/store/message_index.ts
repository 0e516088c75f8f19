// SHA-256 to message_id in bounded memory: two generations of open-addressed tables. What is found in the older one moves
// to the younger; when that is full it becomes the older one, and what was not asked for is forgotten.

import { type Random, randomInteger } from "../../shared/random.ts";
import { KeyFilter } from "./key_filter.ts";

const HASH_BYTES = 32;
const HASH_WORDS = HASH_BYTES / 4;
/** At most half of the slots are taken. */
const SLOTS_PER_ENTRY = 2;

/** The message_id of each SHA-256, as far as it is remembered. */
export class MessageIndex {
  /** Messages remembered for certain; it may remember twice as many. */
  readonly capacity: number;
  /** Set once it forgot a message: one it does not know may still be in the archive. */
  forgetful: boolean;
  /** All messages in the archive, remembered here or not. */
  readonly all: KeyFilter;
  readonly #salts: readonly [number, number];
  #young: Generation;
  #old: Generation;
  readonly #bytes = new Uint8Array(HASH_BYTES);
  readonly #words = new Uint32Array(this.#bytes.buffer);

  /**
   * An empty index.
   * @param capacity a power of two.
   * @param forgetful true when the archive has messages that will not be added.
   * @param all where those have been added already.
   */
  constructor(capacity: number, random: Random, forgetful = false, all = new KeyFilter(capacity)) {
    this.capacity = capacity;
    this.all = all;
    this.forgetful = forgetful;
    // Salted, so that messages cannot be ground into one long run of slots.
    this.#salts = [randomInteger(random, 2 ** 31) | 1, randomInteger(random, 2 ** 31) | 1];
    this.#young = new Generation(capacity);
    this.#old = new Generation(capacity);
  }

  /** 0 when it is not remembered. */
  get(sha256: Uint8Array): number {
    const start = this.#start(sha256);
    const young = this.#young.find(this.#words, start);
    if (young !== 0) return young;
    const old = this.#old.find(this.#words, start);
    if (old !== 0) this.#add(start, old);
    return old;
  }

  /** Remembers a message that {@link get} did not find. */
  set(sha256: Uint8Array, id: number): void {
    this.#add(this.#start(sha256), id);
    const view = new DataView(sha256.buffer, sha256.byteOffset);
    this.all.add(view.getUint32(0), view.getUint32(4));
  }

  /** Whether the archive may have a message that {@link get} did not find. */
  mayBeArchived(sha256: Uint8Array): boolean {
    if (!this.forgetful) return false;
    const view = new DataView(sha256.buffer, sha256.byteOffset);
    return this.all.mayHave(view.getUint32(0), view.getUint32(4));
  }

  #start(sha256: Uint8Array): number {
    this.#bytes.set(sha256);
    const [a, b] = this.#salts;
    return (Math.imul(this.#words[0], a) ^ Math.imul(this.#words[1], b)) >>> 0;
  }

  #add(start: number, id: number): void {
    if (this.#young.count === this.capacity) {
      this.forgetful ||= this.#old.count > 0;
      [this.#young, this.#old] = [new Generation(this.capacity), this.#young];
    }
    this.#young.add(this.#words, start, id);
  }
}

/** A table that only grows, up to its capacity. */
class Generation {
  count = 0;
  readonly #hashes: Uint32Array;
  readonly #ids: Int32Array;
  readonly #slots: Uint32Array;
  readonly #shift: number;

  constructor(capacity: number) {
    this.#hashes = new Uint32Array(capacity * HASH_WORDS);
    this.#ids = new Int32Array(capacity);
    this.#slots = new Uint32Array(capacity * SLOTS_PER_ENTRY);
    this.#shift = Math.clz32(this.#slots.length) + 1;
  }

  find(words: Uint32Array, start: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = start >>> this.#shift;; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry === 0) return 0;
      if (this.#equals(entry - 1, words)) return this.#ids[entry - 1];
    }
  }

  add(words: Uint32Array, start: number, id: number): void {
    const mask = this.#slots.length - 1;
    let slot = start >>> this.#shift;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#hashes.set(words, this.count * HASH_WORDS);
    this.#ids[this.count] = id;
    this.count++;
    this.#slots[slot] = this.count;
  }

  #equals(entry: number, words: Uint32Array): boolean {
    const at = entry * HASH_WORDS;
    for (let i = 0; i < HASH_WORDS; i++) {
      if (this.#hashes[at + i] !== words[i]) return false;
    }
    return true;
  }
}
