/**
 * The recorder: every receipt gets its numbers and flags here and goes into a batch; closed batches go to the spool.
 *
 * @module
 */
import {
  type BatchesDropped,
  type ClockSample,
  type ClockStep,
  type CollectorEvent,
  type DialOutcomes,
  RECEIPT_REPEAT,
  RECEIPT_WARMUP,
  type SessionClosed,
  type SessionOpened,
  type SessionState,
  type Verdict,
  VERDICTS,
  type Want,
} from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { MAX_EVENT_TEXT } from "../../shared/batch/events.ts";
import { KnownMessages } from "./known_messages.ts";
import { OpenBatch } from "./open_batch.ts";
import {
  RECORDER_DEFAULTS,
  type RecorderCounters,
  type RecorderDependencies,
  type RecorderOptions,
} from "./recorder_options.ts";
import { Repeats } from "./repeats.ts";
import { Retelling } from "./retelling.ts";

/** What sessions tell; the part of {@link Recorder} that they see. */
export interface ReceiptSink {
  /** A peer finished init and has our filter; gives the session's number for the calls below. */
  openSession(opened: Omit<SessionOpened, "kind" | "session">): number;
  /**
   * We asked a session's peer for gossip that it has in store: what comes before the instant `until` (µs) is warm-up. A
   * later call takes the place of an earlier one; no harm where the session is not open.
   */
  asked(session: number, until: number): void;
  /**
   * One gossip message came. The hot path.
   *
   * @param raw the message, type included; not kept, so its bytes may be reused after the call.
   * @param receivedAt when the socket read returned, µs since the Unix epoch.
   */
  receive(session: number, raw: Uint8Array, receivedAt: number): void;
  /** How a session is doing that goes on. */
  sessionState(state: Omit<SessionState, "kind">): void;
  /** The session's end; no receipts of it may follow. */
  closeSession(closed: Omit<SessionClosed, "kind">): void;
}

/** A peer that is asked for all it has takes longer: LND sends a whole graph in 18 minutes. */
const BACKFILL_WARMUPS = 3;

/** A session that is open. */
interface OpenSession {
  readonly nodeId: string;
  /** The peer's column in {@link Repeats}. */
  readonly column: number;
  /** When it is old enough. */
  readonly youngUntil: number;
  /** Receipts before this instant are warm-up. */
  warmUntil: number;
}

/** Records receipts. Disposing stops its timer and drops the open batch: {@link Recorder.end} first. */
export class Recorder implements ReceiptSink, Disposable {
  /** What it has done so far. */
  readonly counters: Readonly<RecorderCounters>;

  readonly #options: Required<RecorderOptions>;
  readonly #dependencies: RecorderDependencies;
  readonly #counters: RecorderCounters = {
    receipts: 0,
    messages: 0,
    repeats: 0,
    warmups: 0,
    batches: 0,
    batchBytes: 0,
    untrackedSessions: 0,
    clockSteps: 0,
    retold: 0,
    unanswered: 0,
  };
  readonly #messages: KnownMessages;
  readonly #repeats: Repeats;
  readonly #retelling = new Retelling();
  readonly #sessions = new Map<number, OpenSession>();
  #nextSession = 0;
  readonly #batch: OpenBatch;
  #receiptsBefore = 0;
  #clockSample: ClockSample | null = null;
  readonly #stop = new AbortController();
  #timerRuns = false;

  /** Begins an epoch: its first batch will tell so. */
  constructor(options: RecorderOptions, dependencies: RecorderDependencies) {
    this.#options = { ...RECORDER_DEFAULTS, ...options };
    this.#dependencies = dependencies;
    this.counters = this.#counters;
    const { random, standInFor } = dependencies;
    this.#messages = new KnownMessages(this.#options.messages, random, standInFor);
    this.#repeats = new Repeats(this.#options.repeats);
    this.#batch = new OpenBatch(this.#options.maxReceipts, dependencies.journal);
    this.#beginJournal();
    dependencies.journal?.settle();
    const { epoch: at, version, targetPeers: target_peers } = this.#options;
    this.#tell({ kind: "run_started", at, version: clip(version), target_peers });
  }

  /** Receipts of peers or messages that are not remembered: if they were repeats, they are not marked as such. */
  get untrackedReceipts(): number {
    return this.#repeats.untracked;
  }

  /** What was found out last about the archiver's clock; null before. */
  get clockSample(): ClockSample | null {
    return this.#clockSample;
  }

  /** See {@link ReceiptSink.openSession}. */
  openSession(opened: Omit<SessionOpened, "kind" | "session">): number {
    const session = this.#nextSession++;
    const { node_id: nodeId, filter_at, address } = opened;
    const column = this.#repeats.open(nodeId);
    if (column < 0) this.#counters.untrackedSessions++;
    const { warmupMilliseconds } = this.#options;
    const warmups = opened.filter_first === 0 ? BACKFILL_WARMUPS : 1;
    const youngUntil = filter_at + warmups * warmupMilliseconds * 1000;
    this.#sessions.set(session, { nodeId, column, youngUntil, warmUntil: youngUntil });
    const event: SessionOpened = {
      ...opened,
      kind: "session_opened",
      session,
      address: clip(address),
    };
    this.#retelling.keepOpened(event, this.#tell(event));
    return session;
  }

  /** See {@link ReceiptSink.asked}. */
  asked(session: number, until: number): void {
    const asked = this.#sessions.get(session);
    if (asked) asked.warmUntil = Math.max(asked.youngUntil, until);
  }

  /**
   * See {@link ReceiptSink.receive}.
   *
   * @returns the message's number in this epoch.
   * @throws {Error} when the session is not open: a bug of the caller.
   */
  receive(session: number, raw: Uint8Array, receivedAt: number): number {
    const from = this.#sessions.get(session);
    if (!from) throw new Error(`Receipt of session ${session}, which is not open`);
    const counters = this.#counters;
    const isNewIf = this.#messages.count;
    const number = this.#messages.identify(raw, from.nodeId, receivedAt);
    const { identified } = this.#messages;
    if (number === isNewIf) this.#addNewMessage(number, identified);
    else if (this.#retelling.isDue(number)) this.#retell(number, identified);

    // Whether what a stand-in stands for came before, nobody knows; no figure of delay is to count it.
    const isStandIn = identified !== raw;
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
    this.#batch.addReceipt(receivedAt, number, session, flags);
    this.#afterAdding(receivedAt);
    return number;
  }

  /** See {@link ReceiptSink.sessionState}. */
  sessionState(state: Omit<SessionState, "kind">): void {
    this.#tell({ ...state, kind: "session_state" });
  }

  /** See {@link ReceiptSink.closeSession}. @throws {Error} when the session is not open: a bug of the caller. */
  closeSession(closed: Omit<SessionClosed, "kind">): void {
    const session = this.#sessions.get(closed.session);
    if (!session) throw new Error(`End of session ${closed.session}, which is not open`);
    this.#sessions.delete(closed.session);
    if (session.column >= 0) this.#repeats.close(session.nodeId);
    const event: SessionClosed = { ...closed, kind: "session_closed", reason: clip(closed.reason) };
    this.#retelling.keepClosed(event);
    this.#tell(event);
  }

  /** What was found out about a message's signatures; may come at any time after the message. */
  verdict(number: number, verdict: Verdict): void {
    this.#batch.addVerdict(number, VERDICTS.indexOf(verdict));
    this.#afterAdding();
  }

  /** Batches that the spool had to drop. */
  batchesDropped(dropped: Omit<BatchesDropped, "kind" | "at">): void {
    this.#tell({ ...dropped, kind: "batches_dropped", at: this.#dependencies.clock.now() });
  }

  /** What happened beside the sessions; after {@link end} it is too late for that. */
  note(event: ClockStep | ClockSample | DialOutcomes): void {
    if (this.#stop.signal.aborted) return;
    if (event.kind === "clock_step") this.#counters.clockSteps++;
    else if (event.kind === "clock_sample") this.#clockSample = event;
    this.#tell(event);
  }

  /**
   * Tells again what an archive wants: at once what is still kept; the text of any other message with its next receipt.
   * What earlier epochs told is not kept. After {@link end} it goes out at once, for no timer will close its batch.
   */
  retell(want: Want): void {
    if (want.epoch !== this.#options.epoch) return;
    const { messages, events } = this.#retelling.select(want, this.#dependencies.clock.now());
    for (const event of events) {
      this.#counters.retold++;
      this.#tell(event);
    }
    for (const number of messages) {
      const text = this.#messages.text(number);
      if (text) this.#retell(number, text);
      else if (this.#messages.has(number)) this.#retelling.expect(number);
      else this.#counters.unanswered++;
    }
    if (this.#stop.signal.aborted) this.flush();
  }

  /** Closes the open batch, unless it is empty. */
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
    this.#dependencies.sink(bytes, { epoch, number });
    this.#dependencies.journal?.settle();
  }

  /** Ends the epoch in order: nothing may be recorded after it, but {@link retell} still answers. */
  end(): void {
    const { receipts } = this.#counters;
    this.#tell({ kind: "run_ended", at: this.#dependencies.clock.now(), receipts });
    this.flush();
    this[Symbol.dispose]();
  }

  /** Stops the timer; twice is harmless. */
  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  #beginJournal(): void {
    const { collector, epoch } = this.#options;
    const { batches: number } = this.#counters;
    const receiptsBefore = this.#receiptsBefore;
    this.#dependencies.journal?.begin({ collector, epoch, number, receiptsBefore });
  }

  #addNewMessage(number: number, raw: Uint8Array): void {
    const copy = raw.slice();
    this.#counters.messages++;
    this.#repeats.add(number);
    this.#batch.addText(number, copy);
    this.#dependencies.onNewMessage(number, copy);
  }

  #isBacklog(number: number, receivedAt: number): boolean {
    const ownTime = this.#messages.ownTime(number);
    return ownTime !== undefined &&
      receivedAt / 1000 - ownTime * 1000 > this.#options.backlogMilliseconds;
  }

  #retell(number: number, text: Uint8Array): void {
    this.#counters.retold++;
    this.#batch.addText(number, text.slice());
    this.#afterAdding();
  }

  /** Puts an event into the open batch; gives its bytes as JSON. */
  #tell(event: CollectorEvent): number {
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
      batch.textBytes >= this.#options.maxBytes
    ) {
      batch.openedAt ??= now ?? this.#dependencies.clock.now();
      this.flush();
    } else if (batch.openedAt === undefined) {
      batch.openedAt = now ?? this.#dependencies.clock.now();
      if (!this.#timerRuns && !this.#stop.signal.aborted) void this.#watchAge();
    }
  }

  /** Closes batches by age; ends when none is open. */
  async #watchAge(): Promise<void> {
    this.#timerRuns = true;
    const { clock } = this.#dependencies;
    try {
      while (this.#batch.openedAt !== undefined) {
        const age = (clock.now() - this.#batch.openedAt) / 1000;
        const rest = this.#options.maxAgeMilliseconds - age;
        if (rest <= 0) this.flush();
        else await clock.sleep(rest, this.#stop.signal);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    } finally {
      this.#timerRuns = false;
    }
  }
}

/** Text within what an event may hold. */
function clip(text: string): string {
  return text.slice(0, MAX_EVENT_TEXT);
}
