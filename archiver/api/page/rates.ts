// Receipts per second by collector and type, over the last minutes.

import { FOLLOWED } from "./message_types.ts";

/** Seconds kept. */
export const RATE_SECONDS = 300;
/** Types counted separately, by their place in {@link RATE_TYPES}; 0 is every other one. */
export const RATE_TYPES = [
  "other",
  "channel_announcement",
  "node_announcement",
  "channel_update",
] as const;
const TYPES = RATE_TYPES.length;
const US_PER_SECOND = 1_000_000;
/** Collectors counted separately; the receipts of further ones are counted under {@link FURTHER}. */
const MAX_COLLECTORS = 32;
const FURTHER = "further collectors";

/** The code of a message type: its place in {@link RATE_TYPES}. */
export function typeCode(type: number): number {
  return type >= 256 && type <= 258 ? type - 255 : 0;
}

/** Some seconds in a row: by collector, then by type, one count per second. */
export interface RateSpan {
  /** The first second, since the Unix epoch. */
  readonly from: number;
  readonly counts: Readonly<Record<string, readonly (readonly number[])[]>>;
}

/** Counts in a ring of seconds, so that its size is fixed. */
export class Rates {
  /** Receipts that came too late for the ring: a backlog. */
  late = 0;
  readonly #rings = new Map<string, Uint32Array>();
  #newest = 0;
  #changedFrom = Infinity;

  /** Moves on to this second. */
  advance(second: number): void {
    if (second <= this.#newest) return;
    const from = Math.max(this.#newest + 1, second - RATE_SECONDS + 1);
    for (const ring of this.#rings.values()) {
      for (let s = from; s <= second; s++) ring.fill(0, place(s), place(s) + TYPES);
    }
    this.#newest = second;
  }

  /**
   * Counts receipts of a collector; those stamped ahead of the newest second count in it.
   * @param times when each came, µs since the Unix epoch, never descending. @param offset added to them.
   * @param codes their types; the bit {@link FOLLOWED} does not count.
   */
  add(collector: string, times: Float64Array, offset: number, codes: Uint8Array): void {
    const name = this.#rings.has(collector) || this.#rings.size < MAX_COLLECTORS
      ? collector
      : FURTHER;
    let ring = this.#rings.get(name);
    if (ring === undefined) this.#rings.set(name, ring = new Uint32Array(RATE_SECONDS * TYPES));
    let end = -Infinity;
    let start = 0;
    for (let i = 0; i < times.length; i++) {
      const at = times[i] + offset;
      if (at >= end) {
        const second = Math.floor(at / US_PER_SECOND);
        end = (second + 1) * US_PER_SECOND;
        start = this.#begin(second);
      }
      if (start < 0) this.late++;
      else ring[start + (codes[i] & ~FOLLOWED)]++;
    }
  }

  /** Where a second's counts are in a ring; -1 when it is too old. */
  #begin(second: number): number {
    if (second <= this.#newest - RATE_SECONDS) return -1;
    const at = Math.min(second, this.#newest);
    if (at < this.#changedFrom) this.#changedFrom = at;
    return place(at);
  }

  /** All seconds there are. */
  all(): RateSpan {
    return this.#span(this.#newest - RATE_SECONDS + 1);
  }

  /** The seconds that changed since this was last called, up to the newest. */
  takeChanges(): RateSpan {
    const from = Math.min(this.#changedFrom, this.#newest);
    this.#changedFrom = this.#newest;
    return this.#span(Math.max(from, this.#newest - RATE_SECONDS + 1));
  }

  #span(from: number): RateSpan {
    const seconds = Array.from({ length: this.#newest - from + 1 }, (_, i) => from + i);
    const counts = [...this.#rings].map(([name, ring]) =>
      [
        name,
        RATE_TYPES.map((_, code) => seconds.map((second) => ring[place(second) + code])),
      ] as const
    );
    return { from, counts: Object.fromEntries(counts) };
  }
}

function place(second: number): number {
  return (second % RATE_SECONDS) * TYPES;
}
