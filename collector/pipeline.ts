/**
 * Where sessions bring their receipts: to the recorder, and each new message on to the verifier.
 *
 * @module
 */
import type { SessionClosed, SessionOpened, SessionState } from "../shared/batch/batch.ts";
import { MESSAGE_TYPES, messageType } from "../shared/bolt/message_types.ts";
import { type ReceiptSink, Recorder } from "./receipt/recorder.ts";
import type { RecorderDependencies, RecorderOptions } from "./receipt/recorder_options.ts";
import { type TextLimits, TextQuotas } from "./gossip/text_quotas.ts";
import type { Bringer } from "./gossip/graph/unconfirmed.ts";
import { type BadMessage, Verifier, type VerifierOptions } from "./gossip/verifier.ts";
import { Witnesses } from "./gossip/witnesses.ts";

/** What an {@link Intake} works with. */
export type IntakeDependencies =
  & Omit<RecorderDependencies, "onNewMessage" | "standInFor">
  & Omit<VerifierOptions, "onVerdict">
  & {
    /** {@link TEXT_LIMITS} when absent. */
    readonly textLimits?: Partial<TextLimits>;
  };

/** Bad messages that are known again when they are repeated; past it they are all forgotten. */
const MAX_PROVEN_BAD = 65_536;
/** Messages that found no room in the verifier's queue and are tried again with their next receipt; likewise. */
const MAX_UNCHECKED = 65_536;

/** A recorder and a verifier that know of each other. */
export class Intake implements ReceiptSink, Disposable {
  /** Numbers receipts and makes batches of them. */
  readonly recorder: Recorder;
  /** Checks each new message once and tells the recorder. */
  readonly verifier: Verifier;
  /** How many texts are stored. */
  readonly quotas: TextQuotas;
  readonly #onBad: VerifierOptions["onBad"];
  readonly #onValid: VerifierOptions["onValid"];
  /** The open sessions' peers. */
  readonly #peers = new Map<number, Bringer & { askedUntil: number; readonly tellsAll: boolean }>();
  readonly #witnesses = new Witnesses();
  /** The session whose receipt is being recorded. */
  #source = -1;
  /** Messages that are bad beyond doubt: each receipt of one is held against whoever brings it. */
  readonly #provenBad = new Map<number, BadMessage["verdict"]>();
  readonly #unchecked = new Set<number>();
  /** By the second byte of the type: the first is 1 for all gossip (BOLT 7). */
  readonly #receipts = new Float64Array(256);

  /** Begins the recorder's epoch. */
  constructor(options: RecorderOptions, dependencies: IntakeDependencies) {
    this.#onBad = dependencies.onBad;
    this.#onValid = dependencies.onValid;
    this.verifier = new Verifier({
      ...dependencies,
      onVerdict: (number, verdict) => this.recorder.verdict(number, verdict),
      onBad: (bad) => this.#takeBad(bad),
    });
    this.quotas = new TextQuotas({
      limits: dependencies.textLimits,
      isKnownChannel: (scid) => this.verifier.isKnownChannel(scid),
      random: dependencies.random,
    });
    this.recorder = new Recorder(options, {
      ...dependencies,
      standInFor: (facts, nodeId, now) => this.quotas.standInFor(facts, nodeId, now),
      onNewMessage: (number, raw) => this.#check(number, raw),
    });
  }

  /** See {@link ReceiptSink.openSession}. */
  openSession(opened: Omit<SessionOpened, "kind" | "session">): number {
    const session = this.recorder.openSession(opened);
    const tellsAll = opened.filter_first === 0;
    const askedUntil = tellsAll ? Infinity : 0;
    this.#peers.set(session, { nodeId: opened.node_id, askedUntil, tellsAll });
    return session;
  }

  /** See {@link ReceiptSink.asked}. */
  asked(session: number, until: number): void {
    this.recorder.asked(session, until);
    const peer = this.#peers.get(session);
    if (peer && !peer.tellsAll) peer.askedUntil = until;
  }

  /** See {@link ReceiptSink.receive}. */
  receive(session: number, raw: Uint8Array, receivedAt: number): void {
    this.#source = session;
    this.#receipts[raw[1]]++;
    const number = this.recorder.receive(session, raw, receivedAt);
    if (this.#unchecked.size > 0 && this.#unchecked.delete(number)) {
      this.#check(number, raw.slice());
    }
    // Of channel_announcements only, so that nothing is looked up for updates, which are most.
    if (raw[1] === 0 && this.#witnesses.again(number, this.#peers.get(session)?.nodeId)) {
      this.#onValid?.(raw, null, null);
    }
    if (this.#provenBad.size === 0) return;
    const verdict = this.#provenBad.get(number);
    if (verdict) this.#onBad({ source: session, number, verdict, proven: true });
  }

  /** See {@link ReceiptSink.sessionState}. */
  sessionState(state: Omit<SessionState, "kind">): void {
    this.recorder.sessionState(state);
  }

  /** See {@link ReceiptSink.closeSession}. */
  closeSession(closed: Omit<SessionClosed, "kind">): void {
    this.recorder.closeSession(closed);
    this.#peers.delete(closed.session);
  }

  /** Receipts so far by message type. */
  get receiptsByType(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    this.#receipts.forEach((count, low) => count > 0 && counts.set(256 + low, count));
    return counts;
  }

  /** Ends the epoch in order: what has no verdict by now gets its last, then everything is in batches. */
  end(): void {
    this.verifier.finish();
    this.recorder.end();
  }

  /** Stops both without ending the epoch; twice is harmless. */
  [Symbol.dispose](): void {
    this.verifier[Symbol.dispose]();
    this.recorder[Symbol.dispose]();
  }

  #check(number: number, raw: Uint8Array): void {
    const bringer = this.#peers.get(this.#source);
    const brought = bringer && { bringer, isValid: false, isSeconded: false };
    if (this.verifier.push({ source: this.#source, number, raw, brought })) {
      if (brought && messageType(raw) === MESSAGE_TYPES.channel_announcement) {
        this.#witnesses.first(number, brought);
      }
      return;
    }
    if (this.#unchecked.size >= MAX_UNCHECKED) this.#unchecked.clear();
    this.#unchecked.add(number);
  }

  #takeBad(bad: BadMessage): void {
    this.#witnesses.forget(bad.number);
    if (this.#provenBad.size >= MAX_PROVEN_BAD) this.#provenBad.clear();
    if (bad.proven) this.#provenBad.set(bad.number, bad.verdict);
    this.#onBad(bad);
  }
}
