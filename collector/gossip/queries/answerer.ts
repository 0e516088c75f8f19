// Answers to what peers ask about gossip: query_channel_range (263), query_short_channel_ids (261) and the past that
// a gossip_timestamp_filter (265) asks for. Everything comes from the collected graph, on the peer's own demand; gossip
// has no other way out.
//
// A session gives each such message to {@link PeerAnswers.take}, and sends what {@link PeerAnswers.pull} gives whenever
// it can write. Nothing is made before it is pulled, so a peer that reads slowly holds up its own answers only; and a
// pull gives little, so pongs need not wait for more.

import { encodeMessage } from "../../../shared/bolt/message.ts";
import type { QueryChannelRange, QueryShortChannelIds } from "../../../shared/bolt/queries.ts";
import type { Clock } from "../../../shared/clock.ts";
import { byteMeter, type Meter } from "../../meter.ts";
import { zeros } from "../../zeros.ts";
import { equal } from "../graph/columns.ts";
import type { GraphView } from "../graph/graph_view.ts";
import { answerPast, answerScids, scidQuery } from "./message_answers.ts";
import {
  ANSWER_LIMITS,
  ANSWER_POLICY,
  type AnswerLimits,
  type AnswerPolicy,
  type Question,
  TAKEN,
  type Taken,
} from "./question.ts";
import { answerRange } from "./range_answer.ts";
import type { SentLedger, SentReason } from "./sent_ledger.ts";

/** What one pull gives at most, but for the last message. */
const PULL_BYTES = 32 * 1024;
/** While the rate for all peers is used up, not all of them should pull at every turn. */
const LEAST_WAIT_US = 250_000;

const HELD_WAIT_US = 1_000_000;

export interface AnswererOptions {
  readonly view: GraphView;
  readonly clock: Clock;
  readonly chain: Uint8Array;
  readonly ledger: SentLedger;
  readonly policy?: Partial<AnswerPolicy>;
  readonly limits?: Partial<AnswerLimits>;
}

export interface Job {
  readonly reason: SentReason;
  /** What beginning it costs, in bytes that count as sent; 0 once it is begun. */
  cost: number;
  readonly bytes: number;
  readonly messages: Iterator<Uint8Array>;
}

/** What the answers to all peers have in common. */
export class Answerer {
  readonly limits: AnswerLimits;
  readonly bucket: Meter;
  readonly ledger: SentLedger;
  memoryBytes = 0;
  /**
   * Answers contain only channels that a peer named since then, seconds since the Unix epoch. LND counts each channel
   * that is closed against the peer that names it, and bans at a hundred.
   */
  namedSince = 1;
  /** No answer goes out before this instant, µs. */
  heldUntil = 0;
  readonly #policy: AnswerPolicy;
  readonly #taken = zeros(TAKEN);

  constructor(private readonly options: AnswererOptions) {
    this.#policy = { ...ANSWER_POLICY, ...options.policy };
    this.limits = { ...ANSWER_LIMITS, ...options.limits };
    this.bucket = byteMeter(this.limits.total);
    this.ledger = options.ledger;
  }

  get counts(): Readonly<Record<Taken, number>> {
    return { ...this.#taken };
  }

  open(): PeerAnswers {
    return new PeerAnswers(this);
  }

  count(taken: Taken): Taken {
    this.#taken[taken]++;
    return taken;
  }

  jobFor(question: Question): Job | "unsorted" | "refused" | "foreign" {
    const { view, chain } = this.options;
    const isOurs = equal(question.chainHash, chain);
    switch (question.type) {
      case 261: {
        const query = isOurs ? scidQuery(question) : null;
        if (isOurs && !query) return "unsorted";
        return {
          reason: "query_short_channel_ids",
          cost: this.limits.queryBytes,
          bytes: query ? query.scids.byteLength + query.flags.byteLength : 0,
          messages: query ? answerScids(query, view, this.#isNamed) : endOfNothing(question),
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
          messages: isOurs
            ? answerRange(query, view, this.#mayAnswer, { answer: this.limits.answerChannels })
            : endOfNothing(question),
        };
      }
      case 265: {
        if (!isOurs) return "foreign";
        if (!this.#policy.past) return "refused";
        const { type, firstTimestamp, timestampRange } = question;
        const filter = { type, chainHash: chain, firstTimestamp, timestampRange };
        const until = Math.floor(this.options.clock.now() / 1_000_000) - this.limits.pastSeconds;
        return {
          reason: "gossip_timestamp_filter",
          cost: this.limits.filterBytes,
          bytes: 0,
          messages: answerPast(filter, view, this.#mayAnswer, until),
        };
      }
    }
  }

  /** BOLT 7 forbids to send a channel without updates to a filter; Core Lightning names them to no peer. */
  readonly #mayAnswer = (slot: number): boolean => {
    const { view } = this.options;
    const hasUpdate = view.timestamp(slot, 0) > 0 || view.timestamp(slot, 1) > 0;
    const isEnabled = this.#policy.disabledChannels || !view.isDisabled(slot);
    return hasUpdate && isEnabled && this.#isNamed(slot);
  };

  readonly #isNamed = (slot: number): boolean => this.options.view.namedAt(slot) >= this.namedSince;
}

export interface Pulled {
  readonly messages: Uint8Array[];
  /** When to pull again, µs since the Unix epoch: `now` when there may be more; null: not before a question. */
  readonly again: number | null;
}

/** Answers of one session: one query at a time, few waiting, and between queries the past of its last filter. */
export class PeerAnswers implements Disposable {
  readonly #bucket: Meter;
  #queries: Job[] = [];
  #past: Job | null = null;

  constructor(private readonly answerer: Answerer) {
    this.#bucket = byteMeter(answerer.limits.peer);
  }

  /** Takes a question. A filter replaces the one before it (BOLT 7). */
  take(question: Question): Taken {
    return this.answerer.count(this.#take(question));
  }

  /** Makes what may be sent at the instant `now`, µs, and counts it as sent. */
  pull(now: number): Pulled {
    const messages: Uint8Array[] = [];
    for (let bytes = 0; bytes < PULL_BYTES;) {
      const job = this.#queries[0] ?? this.#past;
      if (!job) return { messages, again: null };
      const { heldUntil } = this.answerer;
      if (heldUntil > now) return { messages, again: Math.min(heldUntil, now + HELD_WAIT_US) };
      const ready = this.#readyAt(now);
      if (ready > now) return { messages, again: ready };
      this.#spend(job.cost, now);
      job.cost = 0;
      const { done, value } = job.messages.next();
      if (done) {
        this.#end(job);
        continue;
      }
      messages.push(value);
      bytes += value.length;
      this.#spend(value.length, now);
      this.answerer.ledger.record(job.reason, value);
    }
    return { messages, again: now };
  }

  [Symbol.dispose](): void {
    for (const job of this.#queries) this.answerer.memoryBytes -= job.bytes;
    this.#queries = [];
    this.#past = null;
  }

  #take(question: Question): Taken {
    const { limits } = this.answerer;
    const isQuery = question.type !== 265;
    // One under way and those that wait (BOLT 7: a peer must not ask again before it has its answer).
    if (isQuery && this.#queries.length > limits.waiting) return "dropped";
    const job = this.answerer.jobFor(question);
    if (typeof job === "string") return job;
    if (this.answerer.memoryBytes + job.bytes > limits.memoryBytes) return "dropped";
    if (!isQuery) {
      this.#past = job;
      return "answering";
    }
    this.answerer.memoryBytes += job.bytes;
    this.#queries.push(job);
    return this.#queries.length === 1 ? "answering" : "waiting";
  }

  #end(job: Job): void {
    if (job === this.#past) {
      this.#past = null;
      return;
    }
    this.#queries.shift();
    this.answerer.memoryBytes -= job.bytes;
  }

  #spend(bytes: number, now: number): void {
    this.#bucket.take(bytes, now);
    this.answerer.bucket.take(bytes, now);
  }

  #readyAt(now: number): number {
    const own = this.#bucket.readyAt(now);
    const total = this.answerer.bucket.readyAt(now);
    return total > now ? Math.max(own, total, now + LEAST_WAIT_US) : own;
  }
}

/** The end that a query of another chain is owed: it says that we do not know that chain. */
function endOfNothing(question: QueryShortChannelIds | QueryChannelRange): Iterator<Uint8Array> {
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
