// What a peer may ask about gossip, what becomes of it, and how much is answered.

import type { Decoded } from "../../../shared/bolt/codec.ts";
import type {
  GossipTimestampFilter,
  QueryChannelRange,
  QueryShortChannelIds,
} from "../../../shared/bolt/queries.ts";
import type { ByteRate } from "../../meter.ts";

export type Question =
  | Decoded<QueryShortChannelIds>
  | Decoded<QueryChannelRange>
  | Decoded<GossipTimestampFilter>;

export const TAKEN = ["answering", "waiting", "dropped", "unsorted", "refused", "foreign"] as const;

/**
 * - `answering`: its answer can be pulled;
 * - `waiting`: the answer comes after the one under way;
 * - `dropped`: the peer has too many queries under way, or all peers together have: it gets no answer;
 * - `unsorted`: its scids do not ascend: it gets no answer, but should get a `warning`;
 * - `refused`: a filter whose past is withheld by {@link AnswerPolicy.past};
 * - `foreign`: a filter of another chain.
 */
export type Taken = typeof TAKEN[number];

export interface AnswerLimits {
  readonly peer: ByteRate;
  readonly total: ByteRate;
  /** What a query costs when its answer is begun: looking it up takes time too. */
  readonly queryBytes: number;
  /** The same of a filter, which is compared with the whole graph whatever it asks for. */
  readonly filterBytes: number;
  /** Channels that the answer to one query_channel_range names; LND takes 100,000, in 500 replies. */
  readonly answerChannels: number;
  /** Queries of one peer that wait for the end of the one being answered; more are dropped. */
  readonly waiting: number;
  /**
   * A filter gets only messages that had come this long before it. Peers ask for the past right after the present moment
   * (LND with `first` = now), and what came just now would be news: we forward none.
   */
  readonly pastSeconds: number;
  /** Memory of all peers' queries; while it is used up new ones are dropped. */
  readonly memoryBytes: number;
}

/** How much is answered unless the config differs. */
export const ANSWER_LIMITS: AnswerLimits = {
  // The list of all channels at once, the channels at the rate that LND has for one peer.
  peer: { burstBytes: 1024 * 1024, bytesPerSecond: 51_200 },
  total: { burstBytes: 8 * 1024 * 1024, bytesPerSecond: 1024 * 1024 },
  queryBytes: 4096,
  // One peer has 16 scans at once, then four in five seconds; all peers together 16/s.
  filterBytes: 64 * 1024,
  answerChannels: 100_000,
  waiting: 1,
  pastSeconds: 60,
  memoryBytes: 16 * 1024 * 1024,
};

export interface AnswerPolicy {
  readonly past: boolean;
  /**
   * Whether 263 and 265 name channels with a disabled update. We do not see the chain, and a channel that is being
   * closed is disabled first; LND counts each closed channel against the peer that names it, and at a hundred bans
   * that peer for two days. A query by scid (261) gets what is known in any case.
   */
  readonly disabledChannels: boolean;
}

/** What is answered unless the config differs. */
export const ANSWER_POLICY: AnswerPolicy = { past: true, disabledChannels: false };
