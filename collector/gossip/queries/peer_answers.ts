/**
 * What one peer asked, answered at its own pace: one query at a time, a bounded number waiting, and the past of its
 * last filter whenever no query is there to be answered.
 *
 * @module
 */
import { byteMeter, type Meter } from "../../meter.ts";
import type { AnswerDesk, Job, Question, Taken } from "./question.ts";

/** What one pull gives at most, but for the last message: a pong can go out behind so much. */
const PULL_BYTES = 32 * 1024;
/** Where the rate for all peers is used up, not all of them should ask again at every turn. */
const LEAST_WAIT_MICROSECONDS = 250_000;

/** What to send. */
export interface Pulled {
  /** Messages to send now, in order. */
  readonly messages: Uint8Array[];
  /** When to pull again, µs since the Unix epoch: `now` when there may be more at once; null: not before a question. */
  readonly again: number | null;
}

/** Answers of one session; see `answerer.ts` for how to use it. */
export class PeerAnswers implements Disposable {
  readonly #desk: AnswerDesk;
  readonly #bucket: Meter;
  /** The first one is being answered. */
  #queries: Job[] = [];
  #past: Job | null = null;

  /** Made by `Answerer.open`. */
  constructor(desk: AnswerDesk) {
    this.#desk = desk;
    this.#bucket = byteMeter(desk.limits.peer);
  }

  /** Takes a question. A filter takes the place of the one before it (BOLT 7). */
  take(question: Question): Taken {
    return this.#desk.count(this.#take(question));
  }

  /** Makes what may be sent at the instant `now`, µs, and counts it as sent. */
  pull(now: number): Pulled {
    const messages: Uint8Array[] = [];
    for (let bytes = 0; bytes < PULL_BYTES;) {
      const job = this.#queries[0] ?? this.#past;
      if (!job) return { messages, again: null };
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
      this.#desk.ledger.record(job.reason, value);
    }
    return { messages, again: now };
  }

  /** Forgets all questions; harmless when repeated. */
  [Symbol.dispose](): void {
    for (const job of this.#queries) this.#desk.memoryBytes -= job.bytes;
    this.#queries = [];
    this.#past = null;
  }

  #take(question: Question): Taken {
    const { limits } = this.#desk;
    const isQuery = question.type !== 265;
    // One under way and those that wait (BOLT 7: a peer must not ask again before it has its answer).
    if (isQuery && this.#queries.length > limits.waiting) return "dropped";
    const job = this.#desk.jobFor(question);
    if (typeof job === "string") return job;
    if (this.#desk.memoryBytes + job.bytes > limits.memoryBytes) return "dropped";
    if (!isQuery) {
      this.#past = job;
      return "answering";
    }
    this.#desk.memoryBytes += job.bytes;
    this.#queries.push(job);
    return this.#queries.length === 1 ? "answering" : "waiting";
  }

  #end(job: Job): void {
    if (job === this.#past) {
      this.#past = null;
      return;
    }
    this.#queries.shift();
    this.#desk.memoryBytes -= job.bytes;
  }

  #spend(bytes: number, now: number): void {
    this.#bucket.take(bytes, now);
    this.#desk.bucket.take(bytes, now);
  }

  #readyAt(now: number): number {
    const own = this.#bucket.readyAt(now);
    const total = this.#desk.bucket.readyAt(now);
    return total > now ? Math.max(own, total, now + LEAST_WAIT_MICROSECONDS) : own;
  }
}
