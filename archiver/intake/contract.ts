/**
 * What the intake takes, needs and tells.
 *
 * @module
 */
import type { Batch, Want } from "../../shared/batch/batch.ts";
import type { Clock } from "../../shared/clock.ts";
import type { BatchOutcome, DeadLetter } from "../store/store.ts";

/** What becomes of bytes that were submitted. */
export type Outcome =
  /** They are in the archive, now or before. */
  | { readonly status: "committed" | "duplicate"; readonly want: Want | null }
  /** They are no batch, and are set aside in the archive. */
  | { readonly status: "dead_letter"; readonly reason: string }
  /** They were not taken: the sender should come again. */
  | { readonly status: "busy" };

/** When a group is committed. */
export interface IntakeOptions {
  /** Receipts in a group, at most, unless one batch has more. */
  readonly maxReceipts: number;
  /** How long a batch waits for others. */
  readonly maxWaitMilliseconds: number;
}

/** What an intake needs of the world. */
export interface IntakeDependencies {
  /** Where batches go. */
  readonly store: {
    commit(
      batches: readonly Batch[],
      deadLetters?: readonly DeadLetter[],
    ): Promise<BatchOutcome[]>;
  };
  /** Waits, and stamps of dead letters. */
  readonly clock: Clock;
  /** Told of each commit. */
  readonly onCommit?: (commit: Commit) => void;
}

/** One commit, for those who count. */
export interface Commit {
  /** Batches that are in the archive by it. */
  readonly batches: readonly Batch[];
  /** Batches that were there before. */
  readonly duplicates: number;
  /** Dead letters set aside by it. */
  readonly deadLetters: number;
  /** How long it took, in milliseconds. */
  readonly milliseconds: number;
}

/** What an intake is doing. */
export interface IntakeStatus {
  /** Batches waiting or being committed. */
  readonly batches: number;
  /** Their bytes as they came. */
  readonly bytes: number;
  /** Their receipts. */
  readonly receipts: number;
  /** Why commits fail, and since when in µs; null while they do not. */
  readonly failure: { readonly reason: string; readonly since: number } | null;
}
