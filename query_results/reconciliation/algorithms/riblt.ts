// Rateless invertible Bloom lookup tables over 64-bit symbols (Yang, Gilad and Alizadeh, "Practical Rateless Set
// Reconciliation", SIGCOMM 2024): the receiver takes coded symbols until it can decode.

import { sipHashWord, type SipKey } from "./siphash.ts";

/** XOR of the symbols mapped to an index, XOR of their hashes, and their number. */
export interface CodedSymbol {
  sum: bigint;
  hash: bigint;
  count: number;
}

/** The reference implementation's key. Use a secret one against crafted collisions. */
export const DEFAULT_KEY: SipKey = { k0: 567n, k1: 890n };

/** Default limit on coded symbols: enough for about 48,000 differences. */
export const MAX_CODED_SYMBOLS = 1 << 16;

/** A symbol and the next index it maps to. */
interface Mapped {
  readonly value: bigint;
  readonly hash: bigint;
  /** 1 if the other side has it, −1 if we do. */
  readonly sign: number;
  random: bigint;
  index: number;
}

/** Maps a symbol to its next index: i has probability 1/(1 + i/2) (section 4.2), rounded like the reference. */
function advance(symbol: Mapped): void {
  symbol.random = BigInt.asUintN(64, symbol.random * 0xda942042e4dd58b5n);
  const gap = (symbol.index + 1.5) * (2 ** 32 / Math.sqrt(Number(symbol.random) + 1) - 1);
  symbol.index += Math.ceil(gap);
}

function include(coded: CodedSymbol, symbol: Mapped, count: number): void {
  coded.sum ^= symbol.value;
  coded.hash ^= symbol.hash;
  coded.count += count;
}

/** Symbols keyed by their next index. */
class Row {
  readonly #due = new Map<number, Mapped[]>();

  constructor(private readonly limit: number) {}

  put(symbol: Mapped): void {
    if (symbol.index >= this.limit) return;
    const due = this.#due.get(symbol.index);
    if (due) due.push(symbol);
    else this.#due.set(symbol.index, [symbol]);
  }

  apply(index: number, coded: CodedSymbol, sign: number): void {
    const due = this.#due.get(index) ?? [];
    this.#due.delete(index);
    for (const symbol of due) {
      include(coded, symbol, sign * symbol.sign);
      advance(symbol);
      this.put(symbol);
    }
  }
}

/** Generates a set's coded symbols. */
export class Encoder {
  readonly #row: Row;
  #index = 0;

  constructor(
    symbols: Iterable<bigint>,
    key = DEFAULT_KEY,
    private readonly limit = MAX_CODED_SYMBOLS,
  ) {
    this.#row = new Row(limit);
    for (const value of symbols) this.#row.put(mapped(value, sipHashWord(key, value), 1));
  }

  next(): CodedSymbol | null {
    if (this.#index === this.limit) return null;
    const coded = { sum: 0n, hash: 0n, count: 0 };
    this.#row.apply(this.#index++, coded, 1);
    return coded;
  }
}

/**
 * - `more`: send another coded symbol;
 * - `done`: {@link Decoder.theirs} and {@link Decoder.ours} are complete;
 * - `limit`: not decoded within the limit;
 * - `inconsistent`: these coded symbols belong to no set.
 */
export type DecoderState = "more" | "done" | "limit" | "inconsistent";

/** Decodes the difference between its own set and that of the received coded symbols. */
export class Decoder {
  /** Symbols found so far that only the other set has. */
  readonly theirs: bigint[] = [];
  /** Symbols found so far that only our set has. */
  readonly ours: bigint[] = [];
  readonly #own: Encoder;
  readonly #found: Row;
  readonly #coded: CodedSymbol[] = [];
  #state: DecoderState = "more";

  constructor(
    symbols: Iterable<bigint>,
    private readonly key = DEFAULT_KEY,
    private readonly limit = MAX_CODED_SYMBOLS,
  ) {
    this.#own = new Encoder(symbols, key, limit);
    this.#found = new Row(limit);
  }

  /** Takes the next coded symbol. Ignored unless the state is `more`. */
  add(theirs: CodedSymbol): DecoderState {
    if (this.#state !== "more") return this.#state;
    const own = this.#own.next();
    if (!own) return this.#state = "limit";
    const coded = {
      sum: theirs.sum ^ own.sum,
      hash: theirs.hash ^ own.hash,
      count: theirs.count - own.count,
    };
    this.#found.apply(this.#coded.length, coded, -1);
    this.#coded.push(coded);
    return this.#state = this.#peel(coded);
  }

  /** Removes each symbol that is alone in a coded symbol, which may isolate others. */
  #peel(first: CodedSymbol): DecoderState {
    const touched = [first];
    for (let coded = touched.pop(); coded; coded = touched.pop()) {
      const { sum, hash, count: sign } = coded;
      if (Math.abs(sign) !== 1 || sipHashWord(this.key, sum) !== hash) continue;
      // Honest coded symbols yield at most one symbol each; crafted ones could loop.
      if (this.theirs.length + this.ours.length === this.#coded.length) return "inconsistent";
      (sign === 1 ? this.theirs : this.ours).push(sum);
      const symbol = mapped(sum, hash, sign);
      for (; symbol.index < this.#coded.length; advance(symbol)) {
        include(this.#coded[symbol.index], symbol, -sign);
        touched.push(this.#coded[symbol.index]);
      }
      this.#found.put(symbol);
    }
    // Every symbol maps to index 0.
    const [{ sum, hash, count }] = this.#coded;
    if (sum === 0n && hash === 0n && count === 0) return "done";
    return this.#coded.length === this.limit ? "limit" : "more";
  }
}

function mapped(value: bigint, hash: bigint, sign: number): Mapped {
  return { value, hash, sign, random: hash, index: 0 };
}
