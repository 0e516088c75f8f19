// Which messages may be in the archive: a Bloom filter over the first 8 bytes of their SHA-256. Most messages that the
// index does not know are new; the filter saves searching the keys of all messages ever for them.

/** At this many bits per entry one look-up in some 2,000 is in vain. */
const BITS_PER_ENTRY = 16;
const HASHES = 5;
/** 2 MiB. */
const MIN_BITS = 2 ** 24;
/** 64 MiB: beyond 32 million messages more look-ups are in vain, one in five at 150 million. */
const MAX_BITS = 2 ** 29;

/** A Bloom filter over the first 8 bytes of SHA-256. */
export class KeyFilter {
  readonly #words: Uint32Array;
  readonly #mask: number;

  /** @param entries what it is sized for; it takes any number. */
  constructor(entries: number) {
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, entries * BITS_PER_ENTRY)));
    const bits = Math.min(MAX_BITS, Math.max(MIN_BITS, wanted));
    this.#words = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** Whether it is sized for this many entries, or as large as filters get. */
  isGoodFor(entries: number): boolean {
    const bits = this.#mask + 1;
    return bits === MAX_BITS || entries * BITS_PER_ENTRY <= bits;
  }

  /**
   * Adds a message.
   * @param high the first 4 bytes of its SHA-256 as an integer, most significant first.
   * @param low the next 4.
   */
  add(high: number, low: number): void {
    const step = high | 1;
    for (let i = 0, bit = low; i < HASHES; i++, bit = (bit + step) | 0) {
      const at = bit & this.#mask;
      this.#words[at >>> 5] |= 1 << (at & 31);
    }
  }

  /** False when the message was not added; true when it was, or by chance. */
  mayHave(high: number, low: number): boolean {
    const step = high | 1;
    for (let i = 0, bit = low; i < HASHES; i++, bit = (bit + step) | 0) {
      const at = bit & this.#mask;
      if ((this.#words[at >>> 5] & (1 << (at & 31))) === 0) return false;
    }
    return true;
  }
}
