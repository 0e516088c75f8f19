// Counts since the archiver's start.

import type { Commit } from "../intake/contract.ts";

/** Counters of this process, for `/status` and `/metrics`. */
export class Counters {
  /** When the process began, µs since the Unix epoch. */
  readonly startedAt: number;
  receipts = 0;
  batches = 0;
  duplicates = 0;
  /** Sets of bytes that were no batch. */
  deadLetters = 0;
  commits = 0;
  /** See {@link commits}. */
  commitMilliseconds = 0;
  /** When the latest receipt committed was taken, µs since the Unix epoch; null before the first. */
  lastReceiptAt: number | null = null;
  /** The last one that brought batches, when in µs; null before the first. */
  lastCommit: {
    readonly at: number;
    readonly batches: number;
    readonly receipts: number;
    readonly milliseconds: number;
  } | null = null;

  /** Starts at nothing. @param startedAt µs since the Unix epoch. */
  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  /** Counts a commit. @param at when it was done, µs since the Unix epoch. */
  add(commit: Commit, at: number): void {
    const { batches, duplicates, deadLetters, milliseconds } = commit;
    const receipts = batches.reduce((sum, batch) => sum + batch.receipts.receivedAt.length, 0);
    for (const { receipts: { receivedAt } } of batches) {
      const latest = receivedAt.at(-1) ?? 0;
      if (latest > (this.lastReceiptAt ?? 0)) this.lastReceiptAt = latest;
    }
    this.receipts += receipts;
    this.batches += batches.length;
    this.duplicates += duplicates;
    this.deadLetters += deadLetters;
    this.commits++;
    this.commitMilliseconds += milliseconds;
    if (batches.length > 0) {
      this.lastCommit = { at, batches: batches.length, receipts, milliseconds };
    }
  }
}
