// How a recorder is set up, and what it counts.

import type { Clock } from "../../shared/clock.ts";
import type { Random } from "../../shared/random.ts";
import type { Journal } from "./journal.ts";
import type { KnownMessagesLimits } from "./known_messages.ts";
import type { RawQuotas } from "./raw_quotas.ts";
import type { RepeatsLimits } from "./repeats.ts";

/** How a recorder works; all but the first four have {@link RECORDER_DEFAULTS}. */
export interface RecorderOptions {
  readonly collector: string;
  /** When this life of the collector began, µs since the Unix epoch; larger than that of any life before. */
  readonly epoch: number;
  readonly version: string;
  readonly targetPeers: number;
  readonly maxReceipts?: number;
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
  /** How long the receipts of a new session count as warm-up; three times as long after a filter of 0. */
  readonly warmupMs?: number;
  readonly backlogMs?: number;
  readonly messages?: KnownMessagesLimits;
  readonly repeats?: RepeatsLimits;
}

export interface RecorderDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly sink: (
    bytes: Uint8Array,
    id: { readonly epoch: number; readonly number: number },
  ) => void;
  readonly journal?: Journal;
  readonly quotas?: RawQuotas;
}

export interface RecorderCounters {
  receipts: number;
  /** Distinct messages among them; one that was forgotten and came again counts again. */
  messages: number;
  repeats: number;
  warmups: number;
  batches: number;
  batchBytes: number;
  /** Sessions opened while all columns for repeats were taken: repeats in them go unnoticed. */
  untrackedSessions: number;
  clockSteps: number;
  stalledUs: number;
  resent: number;
  unanswered: number;
}

export const RECORDER_DEFAULTS: Omit<
  Required<RecorderOptions>,
  "collector" | "epoch" | "version" | "targetPeers"
> = {
  maxReceipts: 16_384,
  maxBytes: 256 * 1024,
  maxAgeMs: 2000,
  warmupMs: 600_000,
  backlogMs: 3_600_000,
  messages: { messagesLog2: 19, rawBytes: 32 * 1024 * 1024, rawsLog2: 17 },
  repeats: { messagesLog2: 16, peers: 2048 },
};
