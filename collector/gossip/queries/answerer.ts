/**
 * Answers to what peers ask about gossip: query_channel_range (263), query_short_channel_ids (261) and the past that
 * a gossip_timestamp_filter (265) asks for. Everything comes from the collected graph, on the peer's own demand; there
 * is no way here for gossip to go anywhere else.
 *
 * How it is wired:
 *
 * - One {@link Answerer} a collector, one {@link PeerAnswers} a session: `answerer.open()` when the session opens,
 *   disposed of when it closes.
 * - The session gives each decoded message of type 261, 263 or 265 to {@link PeerAnswers.take}.
 * - Then, and whenever it can write, it sends what {@link PeerAnswers.pull} gives. Nothing is made before it is pulled,
 *   so a peer that reads slowly holds up its own answers only:
 *
 * ```ts
 * // One such loop a session, started by the first query; `wake` is called after each `take`.
 * for (;;) {
 *   const { messages, again } = answers.pull(clock.now());
 *   if (messages.length > 0) await connection.send(...messages);
 *   else if (again === null) await woken();
 *   else await clock.sleep(Math.ceil((again - clock.now()) / 1000), signal);
 * }
 * ```
 *
 * - Pongs must not wait behind answers: `pull` gives a few tens of kilobytes at a time so that they need not.
 *
 * @module
 */
import { encodeMessage } from "../../../shared/bolt/message.ts";
import type { QueryChannelRange } from "../../../shared/bolt/range_queries.ts";
import type { QueryShortChannelIds } from "../../../shared/bolt/scid_queries.ts";
import { equal } from "../graph/bytes.ts";
import type { GraphView } from "../graph/graph_view.ts";
import {
  ANSWER_LIMITS,
  ANSWER_POLICY,
  type AnswerLimits,
  type AnswerPolicy,
} from "./answer_limits.ts";
import { byteMeter, type Meter } from "../../meter.ts";
import { answerPast } from "./past_answer.ts";
import { PeerAnswers } from "./peer_answers.ts";
import { type AnswerDesk, type Job, type Question, TAKEN, type Taken } from "./question.ts";
import { answerRange, CHANNELS_A_REPLY } from "./range_answer.ts";
import { answerScids, scidQuery } from "./scid_answer.ts";
import type { SentLedger } from "./sent_ledger.ts";

/** What an {@link Answerer} is made with. */
export interface AnswererOptions {
  /** The graph to answer from. */
  readonly view: GraphView;
  /** chain_hash of the network. */
  readonly chain: Uint8Array;
  /** Where each message sent is counted. */
  readonly ledger: SentLedger;
  /** {@link ANSWER_POLICY} when absent. */
  readonly policy?: Partial<AnswerPolicy>;
  /** {@link ANSWER_LIMITS} when absent. */
  readonly limits?: Partial<AnswerLimits>;
}

/** What the answers to all peers have in common. */
export class Answerer implements AnswerDesk {
  /** See {@link AnswerLimits}. */
  readonly limits: AnswerLimits;
  /** See {@link AnswerLimits.total}. */
  readonly bucket: Meter;
  /** See {@link AnswererOptions.ledger}. */
  readonly ledger: SentLedger;
  /** Memory of the queries of all peers. */
  memoryBytes = 0;
  readonly #options: AnswererOptions;
  readonly #policy: AnswerPolicy;
  readonly #taken = Object.fromEntries(TAKEN.map((each) => [each, 0])) as Record<Taken, number>;

  /** No peer has asked yet. */
  constructor(options: AnswererOptions) {
    this.#options = options;
    this.#policy = { ...ANSWER_POLICY, ...options.policy };
    this.limits = { ...ANSWER_LIMITS, ...options.limits };
    this.bucket = byteMeter(this.limits.total);
    this.ledger = options.ledger;
  }

  /** Questions by what became of them. */
  get counts(): Readonly<Record<Taken, number>> {
    return { ...this.#taken };
  }

  /** The answers of one session. */
  open(): PeerAnswers {
    return new PeerAnswers(this);
  }

  /** Counts what became of a question. */
  count(taken: Taken): Taken {
    this.#taken[taken]++;
    return taken;
  }

  /** The answer to a question; or why there is none. */
  jobFor(question: Question): Job | "unsorted" | "refused" | "foreign" {
    const { view, chain } = this.#options;
    const isOurs = equal(question.chainHash, chain);
    switch (question.type) {
      case 261: {
        const query = isOurs ? scidQuery(question) : null;
        if (isOurs && !query) return "unsorted";
        return {
          reason: "query_short_channel_ids",
          cost: this.limits.queryBytes,
          bytes: query ? query.scids.byteLength + query.flags.byteLength : 0,
          messages: query ? answerScids(query, view) : nothingOf(question),
        };
      }
      case 263: {
        // Not the question itself, which would hold on to the connection's buffer.
        const { type, firstBlock, numberOfBlocks, options } = question;
        const query = { type, chainHash: chain, firstBlock, numberOfBlocks, options };
        return {
          reason: "query_channel_range",
          cost: this.limits.queryBytes,
          bytes: 0,
          messages: isOurs ? this.#rangeOf(query) : nothingOf(question),
        };
      }
      case 265: {
        if (!isOurs) return "foreign";
        if (!this.#policy.past) return "refused";
        const { type, firstTimestamp, timestampRange } = question;
        const filter = { type, chainHash: chain, firstTimestamp, timestampRange };
        return {
          reason: "gossip_timestamp_filter",
          cost: this.limits.filterBytes,
          bytes: 0,
          messages: answerPast(filter, view, this.#mayTell),
        };
      }
    }
  }

  #rangeOf(query: QueryChannelRange): Iterator<Uint8Array> {
    const limits = { reply: CHANNELS_A_REPLY, answer: this.limits.answerChannels };
    return answerRange(query, this.#options.view, this.#mayTell, limits);
  }

  /** BOLT 7 forbids to send a channel without updates to a filter; Core Lightning tells them to nobody. */
  readonly #mayTell = (slot: number): boolean => {
    const { view } = this.#options;
    const hasUpdate = view.timestamp(slot, 0) > 0 || view.timestamp(slot, 1) > 0;
    return hasUpdate && (this.#policy.tellDisabled || !view.isDisabled(slot));
  };
}

/** What a query of a chain that is not ours is owed: its end, which says that we do not know that chain. */
function nothingOf(question: QueryShortChannelIds | QueryChannelRange): Iterator<Uint8Array> {
  const { chainHash } = question;
  const end = question.type === 261
    ? encodeMessage({ type: 262, chainHash, fullInformation: 0 })
    : encodeMessage({
      type: 264,
      chainHash,
      firstBlock: question.firstBlock,
      numberOfBlocks: question.numberOfBlocks,
      syncComplete: 0,
      scids: [],
    });
  return [end].values();
}
