/**
 * What a peer may ask about gossip, and what becomes of it.
 *
 * @module
 */
import type { Decoded } from "../../../shared/bolt/codec.ts";
import type {
  GossipTimestampFilter,
  QueryChannelRange,
} from "../../../shared/bolt/range_queries.ts";
import type { QueryShortChannelIds } from "../../../shared/bolt/scid_queries.ts";
import type { AnswerLimits } from "./answer_limits.ts";
import type { Meter } from "../../meter.ts";
import type { SentLedger, SentReason } from "./sent_ledger.ts";

/** A message that may get an answer. */
export type Question =
  | Decoded<QueryShortChannelIds>
  | Decoded<QueryChannelRange>
  | Decoded<GossipTimestampFilter>;

/** What became of questions, see {@link Taken}. */
export const TAKEN = ["answering", "waiting", "dropped", "unsorted", "refused", "foreign"] as const;

/**
 * - `answering`: its answer can be pulled;
 * - `waiting`: the answer comes after the one under way;
 * - `dropped`: the peer has too many queries under way, or all peers together have: there will be no answer;
 * - `unsorted`: its scids do not ascend, so it gets none; a `warning` is in place;
 * - `refused`: a filter whose past is not told, by `AnswerPolicy.past`;
 * - `foreign`: a filter of another chain.
 */
export type Taken = typeof TAKEN[number];

/** An answer. */
export interface Job {
  /** For the ledger. */
  readonly reason: SentReason;
  /** What beginning it costs, in bytes that count as sent; 0 once it is begun. */
  cost: number;
  /** Memory it holds. */
  readonly bytes: number;
  /** Its messages, made one by one. */
  readonly messages: Iterator<Uint8Array>;
}

/** What the answers to all peers have in common. */
export interface AnswerDesk {
  /** How much is answered. */
  readonly limits: AnswerLimits;
  /** See {@link AnswerLimits.total}. */
  readonly bucket: Meter;
  /** Where each message sent is counted. */
  readonly ledger: SentLedger;
  /** Memory of the queries of all peers. */
  memoryBytes: number;
  /** Counts what became of a question, and gives it back. */
  count(taken: Taken): Taken;
  /** The answer to a question; or why there is none. */
  jobFor(question: Question): Job | "unsorted" | "refused" | "foreign";
}
