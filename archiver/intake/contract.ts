// Types of the intake.

import type { Batch, ResendRequest } from "../../shared/batch/batch.ts";
import type { Clock } from "../../shared/clock.ts";
import type { LimitOptions } from "./limits.ts";
import type { BatchOutcome, DeadLetter } from "../store/store.ts";

/** The fate of submitted bytes; `busy`: not taken, submit them again. */
export type SubmitOutcome =
  | { readonly status: "committed" | "duplicate"; readonly resend: ResendRequest | null }
  | { readonly status: "dead_letter"; readonly reason: string }
  | { readonly status: "busy" };

export interface IntakeOptions {
  /** Receipts per commit, unless one batch has more. */
  readonly maxReceipts: number;
  readonly maxWaitMs: number;
  readonly limits: LimitOptions;
}

/**
 * Why a payload is set aside: it is not a batch, names another collector than its sender, is over a limit, is stamped too
 * far ahead, or cannot be stored.
 */
export const SET_ASIDE_CODES = [
  "no_batch",
  "wrong_sender",
  "over_limit",
  "ahead",
  "not_storable",
] as const;
export type SetAsideCode = (typeof SET_ASIDE_CODES)[number];

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

export interface Commit {
  readonly batches: readonly Batch[];
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly durationMs: number;
}

export interface IntakeStatus {
  readonly batches: number;
  readonly bytes: number;
  readonly receipts: number;
  /** Payloads set aside since the start, by reason; `last` in µs since the Unix epoch. */
  readonly setAside: ReadonlyMap<SetAsideCode, number>;
  readonly lastSetAside:
    | { readonly at: number; readonly source: string; readonly reason: string }
    | null;
  /** Why commits fail, and since when in µs; null while they do not. */
  readonly failure: { readonly reason: string; readonly since: number } | null;
}
