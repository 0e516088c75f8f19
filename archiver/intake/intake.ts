// Batches in: decoded at once, committed in groups, answered only after the commit. When its bounded queue is full it says
// so, and the sender keeps the batch.

import { firstLine } from "../../shared/errors.ts";
import { type Batch, batchId } from "../../shared/batch/batch.ts";
import { decodeBatch, MAX_BATCH_BYTES } from "../../shared/batch/codec.ts";
import { BatchFault } from "../../shared/batch/fault.ts";
import { logger } from "../../shared/log.ts";
import { printable } from "../../shared/text.ts";
import { atMost, pause } from "../../shared/waiting.ts";
import type { BatchOutcome, DeadLetter } from "../store/store.ts";
import {
  type IntakeDependencies,
  type IntakeOptions,
  type IntakeStatus,
  SET_ASIDE_CODES,
  type SetAsideCode,
  type SubmitOutcome,
} from "./contract.ts";
import { isRefusal, retryDelayMs } from "./failure.ts";
import { CollectorLimits } from "./limits.ts";

/** Limits of the queue: 64 MiB hold some 2,000 batches of their usual 10 to 30 KiB. */
const MAX_QUEUED_BATCHES = 2048;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
/** Bytes kept of a dead letter once those of this run together reached their limit. */
const SHORT_DEAD_LETTER_BYTES = 1024;
const MAX_DEAD_LETTER_BYTES = 256 * 1024 * 1024;
/** Rows and log lines for payloads set aside in this run; further ones are only counted. */
const MAX_DEAD_LETTER_ROWS = 10_000;

const log = logger("archiver", "intake");

interface SetAside {
  readonly code: SetAsideCode;
  readonly reason: string;
}

interface Entry {
  readonly batch: Batch | null;
  readonly deadLetter: DeadLetter | null;
  readonly bytes: Uint8Array;
  readonly receipts: number;
  readonly since: number;
  readonly resolve: (outcome: SubmitOutcome) => void;
}

/** Queues batches, commits them in groups and acknowledges each after its commit. */
export class Intake implements AsyncDisposable {
  readonly #options: IntakeOptions;
  readonly #dependencies: IntakeDependencies;
  #queue: Entry[] = [];
  #bytes = 0;
  #receipts = 0;
  #batches = 0;
  #deadLetterBytes = 0;
  #deadLetterRows = 0;
  readonly #limits: CollectorLimits;
  /** With all codes from the start: Prometheus does not see the first increase of a counter that is new. */
  readonly #setAsideCounts = new Map<SetAsideCode, number>(
    SET_ASIDE_CODES.map((code) => [code, 0]),
  );
  #lastSetAside: IntakeStatus["lastSetAside"] = null;
  #failure: IntakeStatus["failure"] = null;
  readonly #closing = new AbortController();
  #arrival = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();
  readonly #loop: Promise<void>;

  constructor(options: IntakeOptions, dependencies: IntakeDependencies) {
    this.#options = options;
    this.#limits = new CollectorLimits(options.limits);
    this.#dependencies = dependencies;
    this.#loop = this.#run();
  }

  /**
   * Takes the bytes of a batch.
   * @param source where they come from, for a dead letter.
   * @param sender the collector that may have sent them, where the way they came says so.
   * @returns their fate after the commit, or `busy` at once when there is no room.
   */
  submit(bytes: Uint8Array, source: string, sender?: string): Promise<SubmitOutcome> {
    if (this.#closing.signal.aborted || !this.#hasRoom(bytes.length)) {
      return Promise.resolve({ status: "busy" });
    }
    let batch: Batch | null = null;
    let deadLetter: DeadLetter | null = null;
    const now = this.#dependencies.clock.now();
    const read = this.#read(bytes, sender, now);
    if ("code" in read) {
      const { code, reason } = read;
      // Without a broker that delivers it again and again, the sender keeps it until its hour is over.
      if (code === "over_limit" && sender === undefined) {
        this.#count(code, now, source, reason);
        return Promise.resolve({ status: "busy" });
      }
      deadLetter = this.#setAside(code, now, source, reason, bytes);
      if (deadLetter === null) return Promise.resolve({ status: "dead_letter", reason });
    } else batch = read;
    const { promise, resolve } = Promise.withResolvers<SubmitOutcome>();
    const receipts = batch?.receipts.receivedAt.length ?? 0;
    this.#queue.push({ batch, deadLetter, bytes, receipts, since: now, resolve });
    this.#batches++;
    this.#bytes += bytes.length;
    this.#receipts += receipts;
    this.#arrival.resolve();
    return promise;
  }

  /** Resolves when there is room for these batches and bytes, or when the intake closes. */
  async room(batches: number, bytes: number): Promise<void> {
    while (!this.#hasRoom(bytes, batches) && !this.#closing.signal.aborted) {
      await this.#room.promise;
    }
  }

  status(): IntakeStatus {
    return {
      batches: this.#batches,
      bytes: this.#bytes,
      receipts: this.#receipts,
      setAside: this.#setAsideCounts,
      lastSetAside: this.#lastSetAside,
      failure: this.#failure,
    };
  }

  /** Takes no more, commits what was taken, and answers `busy` for what cannot be committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#arrival.resolve();
    this.#room.resolve();
    await this.#loop;
  }

  #hasRoom(bytes: number, batches = 1): boolean {
    return this.#batches + batches <= MAX_QUEUED_BATCHES && this.#bytes + bytes <= MAX_QUEUED_BYTES;
  }

  #read(bytes: Uint8Array, sender: string | undefined, now: number): Batch | SetAside {
    let batch: Batch;
    try {
      batch = decodeBatch(bytes);
    } catch (error) {
      if (!(error instanceof BatchFault)) throw error;
      return { code: "no_batch", reason: `${error.code}: ${error.message}` };
    }
    if (sender !== undefined && batch.collector !== sender) {
      const reason = `wrong_sender: ${sender} sent a batch that names ${batch.collector}`;
      return { code: "wrong_sender", reason };
    }
    const fault = this.#limits.take(batch, now);
    return fault === null ? batch : { code: fault.code, reason: `${fault.code}: ${fault.reason}` };
  }

  #count(code: SetAsideCode, at: number, source: string, reason: string): void {
    this.#setAsideCounts.set(code, (this.#setAsideCounts.get(code) ?? 0) + 1);
    this.#lastSetAside = { at, source, reason };
  }

  /** @returns the row, or null when there are too many. */
  #setAside(
    code: SetAsideCode,
    receivedAt: number,
    source: string,
    reason: string,
    bytes: Uint8Array,
  ): DeadLetter | null {
    this.#count(code, receivedAt, source, reason);
    if (++this.#deadLetterRows > MAX_DEAD_LETTER_ROWS) return null;
    const whole = this.#deadLetterBytes + bytes.length <= MAX_DEAD_LETTER_BYTES;
    const raw = bytes.slice(0, whole ? bytes.length : SHORT_DEAD_LETTER_BYTES);
    this.#deadLetterBytes += raw.length;
    log.warning("Set aside {bytes} bytes from {source}: {reason}", {
      bytes: bytes.length,
      source: printable(source),
      reason: printable(reason),
    });
    return { receivedAt, source, reason, raw };
  }

  async #run(): Promise<void> {
    while (true) {
      if (this.#queue.length === 0) {
        if (this.#closing.signal.aborted) return;
        this.#arrival = Promise.withResolvers();
        await this.#arrival.promise;
        continue;
      }
      await this.#gather();
      await this.#commitUntilDone(this.#takeGroup());
    }
  }

  async #gather(): Promise<void> {
    const { maxReceipts, maxWaitMs } = this.#options;
    const { clock } = this.#dependencies;
    const until = this.#queue[0].since + maxWaitMs * 1000;
    const hasMore = () => this.#receipts < maxReceipts && this.#hasRoom(MAX_BATCH_BYTES);
    while (hasMore() && !this.#closing.signal.aborted) {
      const waitMs = Math.ceil((until - clock.now()) / 1000);
      if (waitMs <= 0) return;
      this.#arrival = Promise.withResolvers();
      await atMost(clock, waitMs, this.#arrival.promise);
    }
  }

  #takeGroup(): Entry[] {
    let receipts = 0;
    let count = 0;
    for (const entry of this.#queue) {
      receipts += entry.receipts;
      if (count > 0 && receipts > this.#options.maxReceipts) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #commitUntilDone(group: Entry[]): Promise<void> {
    for (let attempt = 0;; attempt++) {
      const error = await this.#tryToCommit(group);
      if (error === null) return;
      if (isRefusal(error)) return await this.#commitOneByOne(group, error);
      if (this.#closing.signal.aborted) return this.#giveUp(group);
      await this.#pause(error, attempt);
    }
  }

  async #commitOneByOne(group: Entry[], error: unknown): Promise<void> {
    if (group.length > 1) {
      for (const entry of group) await this.#commitUntilDone([entry]);
      return;
    }
    const [entry] = group;
    if (entry.batch === null) throw error;
    const source = batchId(entry.batch);
    const reason = `cannot be stored: ${firstLine(error)}`;
    const deadLetter = this.#setAside("not_storable", entry.since, source, reason, entry.bytes);
    if (deadLetter === null) return this.#release(entry, { status: "dead_letter", reason });
    await this.#commitUntilDone([{ ...entry, batch: null, deadLetter }]);
  }

  /** @returns the error, or null. */
  async #tryToCommit(group: readonly Entry[]): Promise<unknown> {
    const { store, clock, onCommit } = this.#dependencies;
    const batches = group.flatMap(({ batch }) => batch ?? []);
    const deadLetters = group.flatMap(({ deadLetter }) => deadLetter ?? []);
    const start = clock.now();
    let outcomes: BatchOutcome[];
    try {
      outcomes = await store.commit(batches, deadLetters);
    } catch (error) {
      return error;
    }
    if (this.#failure) log.info("Commits work again");
    this.#failure = null;
    onCommit?.({
      batches: batches.filter((_, i) => outcomes[i].status === "committed"),
      duplicates: outcomes.filter(({ status }) => status === "duplicate").length,
      deadLetters: deadLetters.length,
      durationMs: (clock.now() - start) / 1000,
    });
    let next = 0;
    for (const entry of group) {
      this.#release(
        entry,
        entry.deadLetter
          ? { status: "dead_letter", reason: entry.deadLetter.reason }
          : outcomes[next++],
      );
    }
    return null;
  }

  async #pause(error: unknown, attempt: number): Promise<void> {
    const { clock } = this.#dependencies;
    const reason = firstLine(error);
    if (this.#failure?.reason !== reason) {
      log.error("Cannot commit, acknowledging nothing and retrying: {reason}", { reason });
    }
    this.#failure = { reason, since: this.#failure?.since ?? clock.now() };
    await pause(clock, retryDelayMs(attempt), this.#closing.signal);
  }

  #giveUp(group: readonly Entry[]): void {
    for (const entry of [...group, ...this.#queue]) this.#release(entry, { status: "busy" });
    this.#queue = [];
  }

  #release(entry: Entry, outcome: SubmitOutcome): void {
    this.#batches--;
    this.#bytes -= entry.bytes.length;
    this.#receipts -= entry.receipts;
    entry.resolve(outcome);
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }
}
