// Batches that were given up, as ranges of numbers, until they can be reported.

import type { BatchNumber } from "./record.ts";

/** Batches `first` to `last` of `epoch`, both included. */
export interface DroppedRange {
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
}

/** Ranges kept; at more, the newest is widened, which reports too much rather than too little. */
const MAX_RANGES = 1000;

/** A list of ranges that grows at its end. */
export class DroppedRanges {
  #ranges: DroppedRange[] = [];

  /** Adds one batch; those that follow each other share a range. */
  add({ epoch, number }: BatchNumber): void {
    this.addRange({ epoch, first: number, last: number });
  }

  addRange(range: DroppedRange): void {
    const { epoch } = range;
    const last = this.#ranges.at(-1);
    const isNext = last?.epoch === epoch && range.first === last.last + 1;
    const mustWiden = last?.epoch === epoch && this.#ranges.length >= MAX_RANGES;
    if (isNext || mustWiden) {
      this.#ranges[this.#ranges.length - 1] = {
        epoch,
        first: Math.min(last.first, range.first),
        last: Math.max(last.last, range.last),
      };
    } else {
      this.#ranges.push(range);
    }
  }

  take(): DroppedRange[] {
    const ranges = this.#ranges;
    this.#ranges = [];
    return ranges;
  }
}
