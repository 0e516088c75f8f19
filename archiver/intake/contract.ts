// What the intake takes, needs and tells.

import type { Batch, ResendRequest } from "../../shared/batch/batch.ts";
import type { Clock } from "../../shared/clock.ts";
import type { BatchOutcome, DeadLetter } from "../store/store.ts";

/** What becomes of bytes that were submitted. */
export type SubmitOutcome =
  | { readonly status: "committed" | "duplicate"; readonly resend: ResendRequest | null }
  | { readonly status: "dead_letter"; readonly reason: string }
  | { readonly status: "busy" };

/** When a group is committed. */
export interface IntakeOptions {
  /** Receipts in a group, at most, unless one batch has more. */
  readonly maxReceipts: number;
  readonly maxWaitMilliseconds: number;
}

/** What an intake needs of the world. */
export interface IntakeDependencies {
  readonly store: {
    commit(
      batches: readonly Batch[],
      deadLetters?: readonly DeadLetter[],
    ): Promise<BatchOutcome[]>;
  };
  readonly clock: Clock;
  readonly onCommit?: (commit: Commit) => void;
}

/** One commit, for those who count. */
export interface Commit {
  readonly batches: readonly Batch[];
  readonly duplicates: number;
  readonly deadLetters: number;
  /** How long it took, in milliseconds. */
  readonly milliseconds: number;
}

/** What an intake is doing. */
export interface IntakeStatus {
  readonly batches: number;
  /** Their bytes as they came. */
  readonly bytes: number;
  readonly receipts: number;
  /** Why commits fail, and since when in µs; null while they do not. */
  readonly failure: { readonly reason: string; readonly since: number } | null;
}
