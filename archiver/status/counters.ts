// Counts since the archiver's start.

import type { Commit } from "../intake/contract.ts";

/** Counters of this process, for `/status` and `/metrics`. */
export class Counters {
  /** µs since the Unix epoch. */
  readonly startedAt: number;
  receipts = 0;
  batches = 0;
  duplicates = 0;
  deadLetters = 0;
  commits = 0;
  commitMs = 0;
  /** Latest committed receipt, µs since the Unix epoch; null before the first. */
  lastReceiptAt: number | null = null;
  /** The last commit of batches; null before the first. `at` in µs since the Unix epoch. */
  lastCommit: {
    readonly at: number;
    readonly batches: number;
    readonly receipts: number;
    readonly durationMs: number;
  } | null = null;

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  /** Counts a commit. @param at µs since the Unix epoch. */
  add(commit: Commit, at: number): void {
    const { batches, duplicates, deadLetters, durationMs } = commit;
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
    this.commitMs += durationMs;
    if (batches.length > 0) {
      this.lastCommit = { at, batches: batches.length, receipts, durationMs };
    }
  }
}
