// The recorder: stamps every receipt with its numbers and flags and puts it into a batch; closed batches go to the spool.

import {
  type BatchesDropped,
  type ClockSample,
  type ClockStep,
  type CollectorEvent,
  type DialOutcomes,
  type LogGap,
  RECEIPT_REPEAT,
  RECEIPT_WARMUP,
  type ResendRequest,
  type SessionClosed,
  type SessionOpened,
  type SessionState,
  type Stalled,
  type Verdict,
  VERDICTS,
} from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { MAX_EVENT_TEXT } from "../../shared/batch/events.ts";
import { pause } from "../../shared/waiting.ts";
import type { Place } from "./journal.ts";
import { KnownMessages } from "./known_messages.ts";
import { OpenBatch } from "./open_batch.ts";
import {
  RECORDER_DEFAULTS,
  type RecorderCounters,
  type RecorderDependencies,
  type RecorderOptions,
} from "./recorder_options.ts";
import { Repeats } from "./repeats.ts";
import { Resender } from "./resender.ts";

/** Where sessions bring what they receive. */
export interface ReceiptSink {
  /** A peer finished init and has our filter. @returns the session's number for the calls below. */
  openSession(opened: Omit<SessionOpened, "kind" | "session">): number;
  /**
   * We asked a session's peer for gossip that it has in store: what comes before the instant `until` (µs) is warm-up.
   * A later call replaces an earlier one; harmless when the session is not open.
   */
  asked(session: number, until: number): void;
  /**
   * One gossip message came; the hot path.
   * @param raw the message, type included; copied if it is kept.
   * @param receivedAt when the socket read returned, µs since the Unix epoch.
   * @param place up to where a log was read.
   */
  receive(session: number, raw: Uint8Array, receivedAt: number, place?: Place): void;
  sessionState(state: Omit<SessionState, "kind">): void;
  /** The session's end; no receipt of it may follow. */
  closeSession(closed: Omit<SessionClosed, "kind">): void;
  /** What happened beside the sessions. */
  note(event: LogGap): void;
}

export interface Received {
  readonly number: number;
  /** Whether it is the message's first receipt; false where a stand-in is recorded, see `raw_quotas.ts`. */
  readonly isNew: boolean;
}

/** A peer that is asked for all it has takes longer: LND sends a whole graph in 18 minutes. */
const BACKFILL_WARMUPS = 3;

interface OpenSession {
  readonly nodeId: string;
  readonly column: number;
  readonly youngUntil: number;
  warmUntil: number;
}

/** Records receipts. Disposing stops its timer and drops the open batch: {@link Recorder.end} first. */
export class Recorder implements Disposable {
  readonly counters: Readonly<RecorderCounters>;

  readonly #options: Required<RecorderOptions>;
  readonly #counters: RecorderCounters = {
    receipts: 0,
    messages: 0,
    repeats: 0,
    warmups: 0,
    batches: 0,
    batchBytes: 0,
    untrackedSessions: 0,
    clockSteps: 0,
    stalledUs: 0,
    resent: 0,
    unanswered: 0,
  };
  readonly #messages: KnownMessages;
  readonly #repeats: Repeats;
  readonly #resender = new Resender();
  readonly #sessions = new Map<number, OpenSession>();
  #nextSession = 0;
  readonly #batch: OpenBatch;
  #receiptsBefore = 0;
  #clockSample: ClockSample | null = null;
  readonly #stop = new AbortController();
  #timerRuns = false;

  constructor(options: RecorderOptions, private readonly dependencies: RecorderDependencies) {
    this.#options = { ...RECORDER_DEFAULTS, ...options };
    this.counters = this.#counters;
    const { random, quotas } = dependencies;
    this.#messages = new KnownMessages(this.#options.messages, random, quotas);
    this.#repeats = new Repeats(this.#options.repeats);
    this.#batch = new OpenBatch(this.#options.maxReceipts, dependencies.journal);
    this.#beginJournal();
    dependencies.journal?.settle();
    const { epoch: at, version, targetPeers: target_peers } = this.#options;
    this.#addEvent({ kind: "run_started", at, version: clip(version), target_peers });
  }

  /** Receipts of peers or messages that are not remembered: repeats among them are not marked. */
  get untrackedReceipts(): number {
    return this.#repeats.untracked;
  }

  /** Up to where logs were read, by log, as far as receipts are stamped. */
  get places(): ReadonlyMap<number, Place> {
    return this.#batch.places;
  }

  get clockSample(): ClockSample | null {
    return this.#clockSample;
  }

  openSession(opened: Omit<SessionOpened, "kind" | "session">): number {
    const session = this.#nextSession++;
    const { filter_at, address, source } = opened;
    // The archive takes a log for a collector of its own, so repeats are its own too.
    const nodeId = source ? `${source.name}/${opened.node_id}` : opened.node_id;
    const column = this.#repeats.open(nodeId);
    if (column < 0) this.#counters.untrackedSessions++;
    const { warmupMs } = this.#options;
    const warmups = opened.filter_first === 0 ? BACKFILL_WARMUPS : 1;
    const youngUntil = filter_at + warmups * warmupMs * 1000;
    this.#sessions.set(session, { nodeId, column, youngUntil, warmUntil: youngUntil });
    const event: SessionOpened = {
      ...opened,
      kind: "session_opened",
      session,
      address: clip(address),
    };
    this.#resender.keepOpened(event, this.#addEvent(event));
    return session;
  }

  asked(session: number, until: number): void {
    const asked = this.#sessions.get(session);
    if (asked) asked.warmUntil = Math.max(asked.youngUntil, until);
  }

  receive(session: number, raw: Uint8Array, receivedAt: number, place?: Place): Received {
    const from = this.#sessions.get(session);
    if (!from) throw new Error(`Receipt of session ${session}, which is not open`);
    const counters = this.#counters;
    const { number, isNew, raw: recorded, isStandIn } = this.#messages.identify(
      raw,
      from.nodeId,
      receivedAt,
    );
    if (isNew) this.#addNewMessage(number, recorded);
    else if (this.#resender.isDue(number)) this.#resendMessage(number, recorded);

    // Whether a message that is folded into a stand-in came before is unknown: no delay may count its receipts.
    let flags = 0;
    if (!isStandIn && this.#repeats.mark(number, from.column)) {
      flags |= RECEIPT_REPEAT;
      counters.repeats++;
    }
    if (isStandIn || receivedAt < from.warmUntil || this.#isBacklog(number, receivedAt)) {
      flags |= RECEIPT_WARMUP;
      counters.warmups++;
    }
    counters.receipts++;
    this.#batch.addReceipt(receivedAt, number, session, flags, place);
    this.#afterAdding(receivedAt);
    return { number, isNew: isNew && !isStandIn };
  }

  sessionState(state: Omit<SessionState, "kind">): void {
    this.#addEvent({ ...state, kind: "session_state" });
  }

  closeSession(closed: Omit<SessionClosed, "kind">): void {
    const session = this.#sessions.get(closed.session);
    if (!session) throw new Error(`End of session ${closed.session}, which is not open`);
    this.#sessions.delete(closed.session);
    if (session.column >= 0) this.#repeats.close(session.nodeId);
    const event: SessionClosed = { ...closed, kind: "session_closed", reason: clip(closed.reason) };
    this.#resender.keepClosed(event);
    this.#addEvent(event);
  }

  verdict(number: number, verdict: Verdict): void {
    this.#batch.addVerdict(number, VERDICTS.indexOf(verdict));
    this.#afterAdding();
  }

  batchesDropped(dropped: Omit<BatchesDropped, "kind" | "at">): void {
    this.#addEvent({ ...dropped, kind: "batches_dropped", at: this.dependencies.clock.now() });
  }

  /** What happened beside the sessions; ignored after {@link end}. */
  note(event: ClockStep | ClockSample | Stalled | DialOutcomes | LogGap): void {
    if (this.#stop.signal.aborted) return;
    if (event.kind === "clock_step") this.#counters.clockSteps++;
    else if (event.kind === "clock_sample") this.#clockSample = event;
    else if (event.kind === "stalled") this.#counters.stalledUs += event.at - event.since;
    this.#addEvent(event);
  }

  /**
   * Sends again what an archive lacks: at once what is still kept, any other message with its next receipt. Earlier
   * epochs are not kept. After {@link end} it goes out at once, for no timer will close its batch.
   */
  resend(request: ResendRequest): void {
    if (request.epoch !== this.#options.epoch) return;
    const { messages, events } = this.#resender.select(request, this.dependencies.clock.now());
    for (const event of events) {
      this.#counters.resent++;
      this.#addEvent(event);
    }
    for (const number of messages) {
      const raw = this.#messages.raw(number);
      if (raw) this.#resendMessage(number, raw);
      else if (this.#messages.has(number)) this.#resender.expect(number);
      else this.#counters.unanswered++;
    }
    if (this.#stop.signal.aborted) this.flush();
  }

  flush(): void {
    const batch = this.#batch;
    if (batch.openedAt === undefined) return;
    const { collector, epoch } = this.#options;
    const number = this.#counters.batches++;
    const content = batch.take();
    const bytes = encodeBatch({
      collector,
      epoch,
      number,
      receiptsBefore: this.#receiptsBefore,
      ...content,
    });
    this.#receiptsBefore += content.receipts.flags.length;
    this.#counters.batchBytes += bytes.length;
    this.#beginJournal();
    // Last, for the spool may answer with events for the next batch.
    this.dependencies.sink(bytes, { epoch, number });
    this.dependencies.journal?.settle();
  }

  /** Ends the epoch in order: nothing may be recorded after it, but {@link resend} still answers. */
  end(): void {
    const { receipts } = this.#counters;
    this.#addEvent({ kind: "run_ended", at: this.dependencies.clock.now(), receipts });
    this.flush();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  #beginJournal(): void {
    const { collector, epoch } = this.#options;
    const { batches: number } = this.#counters;
    const receiptsBefore = this.#receiptsBefore;
    this.dependencies.journal?.begin({ collector, epoch, number, receiptsBefore });
  }

  #addNewMessage(number: number, raw: Uint8Array): void {
    this.#counters.messages++;
    this.#repeats.add(number);
    this.#batch.addRaw(number, raw.slice());
  }

  #isBacklog(number: number, receivedAt: number): boolean {
    const timestamp = this.#messages.ownTimestamp(number);
    return timestamp !== undefined &&
      receivedAt / 1000 - timestamp * 1000 > this.#options.backlogMs;
  }

  #resendMessage(number: number, raw: Uint8Array): void {
    this.#counters.resent++;
    this.#batch.addRaw(number, raw.slice());
    this.#afterAdding();
  }

  #addEvent(event: CollectorEvent): number {
    const json = new TextEncoder().encode(JSON.stringify(event));
    this.#batch.addEvent(event, json);
    this.#afterAdding();
    return json.length;
  }

  /** Closes the batch when it is full; starts its time when this was its first item. */
  #afterAdding(now?: number): void {
    const batch = this.#batch;
    if (
      batch.isFull || batch.receipts >= this.#options.maxReceipts ||
      batch.rawBytes >= this.#options.maxBytes
    ) {
      batch.openedAt ??= now ?? this.dependencies.clock.now();
      this.flush();
    } else if (batch.openedAt === undefined) {
      batch.openedAt = now ?? this.dependencies.clock.now();
      if (!this.#timerRuns && !this.#stop.signal.aborted) void this.#watchAge();
    }
  }

  async #watchAge(): Promise<void> {
    this.#timerRuns = true;
    const { clock } = this.dependencies;
    try {
      while (this.#batch.openedAt !== undefined) {
        const age = (clock.now() - this.#batch.openedAt) / 1000;
        const rest = this.#options.maxAgeMs - age;
        if (rest <= 0) this.flush();
        else if (!await pause(clock, rest, this.#stop.signal)) break;
      }
    } finally {
      this.#timerRuns = false;
    }
  }
}

/** Text within what an event may hold. */
function clip(text: string): string {
  return text.slice(0, MAX_EVENT_TEXT);
}
