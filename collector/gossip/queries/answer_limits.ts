/**
 * How much peers get for an answer, and what they are told.
 *
 * @module
 */
import type { ByteRate } from "../../meter.ts";

/** How much is answered. */
export interface AnswerLimits {
  /** To one peer. */
  readonly peer: ByteRate;
  /** To all peers together. */
  readonly total: ByteRate;
  /** What a query costs, its peer and all together, when its answer is begun: looking it up takes time too. */
  readonly queryBytes: number;
  /** The same of a filter, which is held against the whole graph whatever it asks for. */
  readonly filterBytes: number;
  /** Channels that the answer to one query_channel_range names; LND takes 100,000, in 500 replies. */
  readonly answerChannels: number;
  /** Queries of one peer that wait for the end of the one being answered; what is more is dropped. */
  readonly waiting: number;
  /** Memory of all peers' queries; while it is used up new ones are dropped. */
  readonly memoryBytes: number;
}

/** How much is answered unless config says otherwise. */
export const ANSWER_LIMITS: AnswerLimits = {
  // The list of all channels at once, the channels at the rate that LND has for one peer.
  peer: { burstBytes: 1024 * 1024, bytesPerSecond: 51_200 },
  total: { burstBytes: 8 * 1024 * 1024, bytesPerSecond: 1024 * 1024 },
  queryBytes: 4096,
  // One peer has 16 scans at once, then four in five seconds; all peers together 16 a second.
  filterBytes: 64 * 1024,
  answerChannels: 100_000,
  waiting: 1,
  memoryBytes: 16 * 1024 * 1024,
};

/** What is told and what is not. */
export interface AnswerPolicy {
  /** Whether a filter gets the past that it asks for. */
  readonly past: boolean;
  /**
   * Whether channels with a disabled update are told unasked, to 263 and 265. We do not see the chain, and a channel
   * that is being closed is disabled first; LND counts each closed channel against who tells it, and at a hundred of
   * them cuts that peer off for two days. Who names a channel (261) gets what is known of it in any case.
   */
  readonly tellDisabled: boolean;
}

/** What is told unless config says otherwise. */
export const ANSWER_POLICY: AnswerPolicy = { past: true, tellDisabled: false };
