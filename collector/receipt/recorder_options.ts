/**
 * How a recorder is set up, and what it counts.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import type { Random } from "../../shared/random.ts";
import type { Journal } from "./journal.ts";
import type { KnownMessagesLimits, StandInFor } from "./known_messages.ts";
import type { RepeatsLimits } from "./repeats.ts";

/** How a recorder works. All but the first four have defaults. */
export interface RecorderOptions {
  /** The collector's name. */
  readonly collector: string;
  /** When this life of the collector began, µs since the Unix epoch; larger than that of any life before. */
  readonly epoch: number;
  /** The collector's software version. */
  readonly version: string;
  /** How many peers it is to keep. */
  readonly targetPeers: number;
  /** Receipts that close a batch: 16384. */
  readonly maxReceipts?: number;
  /** Bytes of new messages and events that close a batch: 256 KiB. */
  readonly maxBytes?: number;
  /** Age that closes a batch: 2000. */
  readonly maxAgeMilliseconds?: number;
  /** How long the receipts of a new session count as warm-up: 10 minutes; three times as long after a filter of 0. */
  readonly warmupMilliseconds?: number;
  /** A message whose own time is so long ago is backlog, whoever brings it: 1 hour. */
  readonly backlogMilliseconds?: number;
  /** How much is remembered of messages. */
  readonly messages?: KnownMessagesLimits;
  /** How much is remembered of who delivered what. */
  readonly repeats?: RepeatsLimits;
}

/** What a recorder works with. */
export interface RecorderDependencies {
  /** For the age of batches. */
  readonly clock: Clock;
  /** For the keys of its hash table. */
  readonly random: Random;
  /** Takes a closed batch; must not throw. */
  readonly sink: (
    bytes: Uint8Array,
    id: { readonly epoch: number; readonly number: number },
  ) => void;
  /** Is told what goes into the open batch, for a next life; none by default. */
  readonly journal?: Journal;
  /** Decides which new messages are recorded as what; as they are by default. */
  readonly standInFor?: StandInFor;
  /** Hears of each new message once, with a copy of its bytes that it may keep. */
  readonly onNewMessage: (number: number, raw: Uint8Array) => void;
}

/** What a recorder has done so far. */
export interface RecorderCounters {
  /** Receipts stamped. */
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
  /** Sessions opened while all columns for repeats were taken: repeats in them went unnoticed. */
  untrackedSessions: number;
  /** Jumps of the wall clock that were told. */
  clockSteps: number;
  /** Texts and sessions told again because an archive asked. */
  retold: number;
  /** Texts that an archive asked for and that are forgotten. */
  unanswered: number;
}

/** What holds unless the options say otherwise. */
export const RECORDER_DEFAULTS: Omit<
  Required<RecorderOptions>,
  "collector" | "epoch" | "version" | "targetPeers"
> = {
  maxReceipts: 16_384,
  maxBytes: 256 * 1024,
  maxAgeMilliseconds: 2000,
  warmupMilliseconds: 600_000,
  backlogMilliseconds: 3_600_000,
  messages: { messagesLog2: 19, textBytes: 32 * 1024 * 1024, textsLog2: 17 },
  repeats: { messagesLog2: 16, peers: 2048 },
};
