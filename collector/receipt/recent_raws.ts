// The newest messages in one ring of bytes: to send them again when an archive asks, and to recognize a message by
// comparing bytes, which takes a fraction of a SHA-256 (0.2 µs against 3).

/** Slots of the table that guesses which message some bytes are; a wrong guess costs only a SHA-256. */
const GUESSES = 131_072;
/** Bytes 2 to 9 of a signed message belong to a signature: as good as random. */
const SAMPLE_AT = 2;
const SAMPLE_BYTES = 8;

/** Messages by number; the oldest give way to new ones. */
export class RecentRaws {
  readonly #bytes: Uint8Array;
  /** Start and length in the ring, by number modulo their size. */
  readonly #starts: Uint32Array;
  readonly #lengths: Uint32Array;
  readonly #guesses: Uint32Array = new Uint32Array(GUESSES);
  #oldest = 0;
  #next = 0;
  #write = 0;

  /** Keeps up to `capacity` bytes, which is more than the longest message, and 2^`countLog2` messages. */
  constructor(capacity: number, countLog2: number) {
    this.#bytes = new Uint8Array(capacity);
    this.#starts = new Uint32Array(2 ** countLog2);
    this.#lengths = new Uint32Array(2 ** countLog2);
  }

  /** Keeps the message `number`, which is one more than the last. */
  add(number: number, raw: Uint8Array): void {
    if (this.#write + raw.length > this.#bytes.length) {
      // The end of the ring is too short: what is left of the last round there goes, and a new round begins.
      this.#evict(this.#write, Infinity);
      this.#write = 0;
    }
    this.#evict(this.#write, this.#write + raw.length);
    if (number - this.#oldest === this.#starts.length) this.#oldest++;
    const at = number & (this.#starts.length - 1);
    this.#bytes.set(raw, this.#write);
    this.#starts[at] = this.#write;
    this.#lengths[at] = raw.length;
    this.#write += raw.length;
    this.#next = number + 1;
    this.guess(number, raw);
  }

  /** Makes {@link find} try `number` first for bytes like these. */
  guess(number: number, raw: Uint8Array): void {
    this.#guesses[sample(raw)] = number + 1;
  }

  /** The message as a view that holds until the next {@link add}, or null when it is not kept. */
  get(number: number): Uint8Array | null {
    if (number < this.#oldest || number >= this.#next) return null;
    const at = number & (this.#starts.length - 1);
    return this.#bytes.subarray(this.#starts[at], this.#starts[at] + this.#lengths[at]);
  }

  /** The number of the message with exactly these bytes, or −1 when the guess fails. */
  find(raw: Uint8Array): number {
    const number = this.#guesses[sample(raw)] - 1;
    if (number < this.#oldest || number >= this.#next) return -1;
    const at = number & (this.#starts.length - 1);
    const length = this.#lengths[at];
    if (length !== raw.length) return -1;
    const bytes = this.#bytes;
    for (let i = 0, j = this.#starts[at]; i < length; i++, j++) {
      if (bytes[j] !== raw[i]) return -1;
    }
    return number;
  }

  #evict(start: number, end: number): void {
    for (; this.#oldest < this.#next; this.#oldest++) {
      const oldest = this.#starts[this.#oldest & (this.#starts.length - 1)];
      if (oldest < start || oldest >= end) return;
    }
  }
}

/** A slot of the guesses. A peer can make many messages share one, to no more harm than a SHA-256 for each. */
function sample(raw: Uint8Array): number {
  let hash = raw.length;
  const end = Math.min(SAMPLE_AT + SAMPLE_BYTES, raw.length);
  for (let i = SAMPLE_AT; i < end; i++) hash = Math.imul(hash, 31) + raw[i];
  return (Math.imul(hash, 0x9e3779b1) >>> 15) & (GUESSES - 1);
}
