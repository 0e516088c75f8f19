/**
 * Rateless invertible Bloom lookup tables (Yang, Gilad and Alizadeh, "Practical Rateless Set Reconciliation", SIGCOMM
 * 2024) of 64-bit symbols: an endless row of coded symbols, of which a receiver takes as many as it needs.
 *
 * @module
 */
import { sipHashWord, type SipKey } from "./siphash.ts";

/** Sum and hashes of the symbols that an index stands for, and how many they are. */
export interface CodedSymbol {
  sum: bigint;
  hash: bigint;
  count: number;
}

/** What a coded symbol takes on the wire: sum, hash and a count that fits a byte once its index is known. */
export const CODED_SYMBOL_BYTES = 17;

/** The reference implementation's key. Peers that fear collisions made for them agree on one of their own. */
export const DEFAULT_KEY: SipKey = { k0: 567n, k1: 890n };

/** The most coded symbols that are taken or given by default: a difference of 48,000. */
export const MAX_CODED_SYMBOLS = 1 << 16;

/** A symbol, and the next index it is part of. */
interface Mapped {
  readonly value: bigint;
  readonly hash: bigint;
  /** 1 when the other side has it, −1 when we do. */
  readonly sign: number;
  random: bigint;
  index: number;
}

/** Moves a symbol on: index i is taken with probability 1/(1 + i/2). Section 4.2 of the paper, as the reference rounds it. */
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

/** Symbols by the index that they are part of next, which ascends. */
class Row {
  readonly #due = new Map<number, Mapped[]>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  put(symbol: Mapped): void {
    if (symbol.index >= this.#limit) return;
    const due = this.#due.get(symbol.index);
    if (due) due.push(symbol);
    else this.#due.set(symbol.index, [symbol]);
  }

  /** Includes all that are due, with their sign times `sign`, and moves them on. */
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

/** Gives a set's coded symbols one by one. */
export class Encoder {
  readonly #row: Row;
  readonly #limit: number;
  #index = 0;

  /** Of 64-bit symbols, all different. */
  constructor(symbols: Iterable<bigint>, key = DEFAULT_KEY, limit = MAX_CODED_SYMBOLS) {
    this.#limit = limit;
    this.#row = new Row(limit);
    for (const value of symbols) this.#row.put(mapped(value, sipHashWord(key, value), 1));
  }

  /** The next one; null once the limit is reached. */
  next(): CodedSymbol | null {
    if (this.#index === this.#limit) return null;
    const coded = { sum: 0n, hash: 0n, count: 0 };
    this.#row.apply(this.#index++, coded, 1);
    return coded;
  }
}

/**
 * - `more`: another coded symbol is needed;
 * - `done`: {@link Decoder.theirs} and {@link Decoder.ours} are the whole difference;
 * - `limit`: as many as are allowed did not do;
 * - `inconsistent`: no set has these.
 */
export type DecoderState = "more" | "done" | "limit" | "inconsistent";

/** Finds the difference between its own set and the one whose coded symbols it takes. */
export class Decoder {
  /** What only the other set has, as far as found. */
  readonly theirs: bigint[] = [];
  /** What only our set has. */
  readonly ours: bigint[] = [];
  readonly #own: Encoder;
  readonly #key: SipKey;
  readonly #limit: number;
  readonly #found: Row;
  readonly #coded: CodedSymbol[] = [];
  #state: DecoderState = "more";

  /** For our own symbols, all different; key and limit are the encoder's. */
  constructor(symbols: Iterable<bigint>, key = DEFAULT_KEY, limit = MAX_CODED_SYMBOLS) {
    this.#own = new Encoder(symbols, key, limit);
    this.#key = key;
    this.#limit = limit;
    this.#found = new Row(limit);
  }

  /** Takes the next coded symbol; after any state but `more` it changes nothing. */
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

  /** Takes out each symbol that stands alone somewhere, which may leave others alone. */
  #peel(first: CodedSymbol): DecoderState {
    const touched = [first];
    for (let coded = touched.pop(); coded; coded = touched.pop()) {
      const { sum, hash, count: sign } = coded;
      if (Math.abs(sign) !== 1 || sipHashWord(this.#key, sum) !== hash) continue;
      // Honest coded symbols give one symbol each at most; others could go round for ever.
      if (this.theirs.length + this.ours.length === this.#coded.length) return "inconsistent";
      (sign === 1 ? this.theirs : this.ours).push(sum);
      const symbol = mapped(sum, hash, sign);
      for (; symbol.index < this.#coded.length; advance(symbol)) {
        include(this.#coded[symbol.index], symbol, -sign);
        touched.push(this.#coded[symbol.index]);
      }
      this.#found.put(symbol);
    }
    // Every symbol is part of the first.
    const [{ sum, hash, count }] = this.#coded;
    if (sum === 0n && hash === 0n && count === 0) return "done";
    return this.#coded.length === this.#limit ? "limit" : "more";
  }
}

function mapped(value: bigint, hash: bigint, sign: number): Mapped {
  return { value, hash, sign, random: hash, index: 0 };
}
