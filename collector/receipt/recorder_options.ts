/**
 * How a recorder is set up, and what it counts.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import type { Random } from "../../shared/random.ts";
import type { Journal } from "./journal.ts";
import type { KnownMessagesLimits } from "./known_messages.ts";
import type { RawQuotas } from "./raw_quotas.ts";
import type { RepeatsLimits } from "./repeats.ts";

/** How a recorder works; all but the first four have {@link RECORDER_DEFAULTS}. */
export interface RecorderOptions {
  /** The collector's name. */
  readonly collector: string;
  /** When this life of the collector began, µs since the Unix epoch; larger than that of any life before. */
  readonly epoch: number;
  /** The collector's software version. */
  readonly version: string;
  readonly targetPeers: number;
  /** Receipts that close a batch. */
  readonly maxReceipts?: number;
  /** Bytes of new messages and events that close a batch. */
  readonly maxBytes?: number;
  /** Age that closes a batch. */
  readonly maxAgeMs?: number;
  /** How long the receipts of a new session count as warm-up; three times as long after a filter of 0. */
  readonly warmupMs?: number;
  /** A message whose own timestamp is older is backlog, from any peer. */
  readonly backlogMs?: number;
  readonly messages?: KnownMessagesLimits;
  readonly repeats?: RepeatsLimits;
}

/** What a recorder works with. */
export interface RecorderDependencies {
  /** For the age of batches. */
  readonly clock: Clock;
  /** Keys its hash table. */
  readonly random: Random;
  /** Takes a closed batch; must not throw. */
  readonly sink: (
    bytes: Uint8Array,
    id: { readonly epoch: number; readonly number: number },
  ) => void;
  /** Keeps the open batch for a next life; none by default. */
  readonly journal?: Journal;
  /** Decides which new messages are stored; all by default. */
  readonly quotas?: RawQuotas;
}

/** What a recorder has done so far. */
export interface RecorderCounters {
  receipts: number;
  /** Distinct messages among them; one that was forgotten and came again counts again. */
  messages: number;
  /** Receipts of a message from a peer that had delivered it before. */
  repeats: number;
  /** Receipts in warm-up or of old messages. */
  warmups: number;
  /** Batches closed. */
  batches: number;
  /** Their bytes as encoded. */
  batchBytes: number;
  /** Sessions opened while all columns for repeats were taken: repeats in them go unnoticed. */
  untrackedSessions: number;
  /** Jumps of the wall clock. */
  clockSteps: number;
  /** How long the process was held up. */
  stalledUs: number;
  /** Messages and sessions sent again because an archive asked. */
  resent: number;
  /** Messages that an archive asked for and that are forgotten. */
  unanswered: number;
}

/** What holds unless the options differ. */
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
