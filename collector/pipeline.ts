// The receipt's way: a session's receipt is recorded, then a new message is checked, and what the check finds goes to
// the recorder, to the graph, or against the peer that brought the message.

import type { LogGap, SessionClosed, SessionOpened, SessionState } from "../shared/batch/batch.ts";
import { NOT_STORED_TYPE } from "../shared/batch/digest.ts";
import { MESSAGE_TYPES, messageType } from "../shared/bolt/message_types.ts";
import type { SourcePeer } from "./gossip/graph/unconfirmed.ts";
import { type BadMessage, Verifier, type VerifierOptions } from "./gossip/verifier.ts";
import { Witnesses } from "./gossip/witnesses.ts";
import { type RawLimits, RawQuotas } from "./receipt/raw_quotas.ts";
import type { Place } from "./receipt/journal.ts";
import { type ReceiptSink, Recorder } from "./receipt/recorder.ts";
import type { RecorderDependencies, RecorderOptions } from "./receipt/recorder_options.ts";

export type PipelineDependencies =
  & Omit<RecorderDependencies, "quotas">
  & Omit<VerifierOptions, "onVerdict">
  & { readonly rawLimits?: Partial<RawLimits> };

/** Bad messages that are recognized when they are repeated; past it they are all forgotten. */
const MAX_PROVEN_BAD = 65_536;
/** Messages that were rebuilt and have no verdict yet; past it they are all forgotten, and count as invalid. */
const MAX_REBUILT = 65_536;
/** Messages that found no room in the verifier's queue and are tried again with their next receipt; likewise. */
const MAX_UNCHECKED = 65_536;

/** Where sessions bring their receipts; see the module. */
export class Pipeline implements ReceiptSink, Disposable {
  readonly recorder: Recorder;
  readonly verifier: Verifier;
  readonly quotas: RawQuotas;
  readonly #onBad: VerifierOptions["onBad"];
  readonly #onValid: VerifierOptions["onValid"];
  readonly #peers = new Map<
    number,
    SourcePeer & { askedUntil: number; readonly isDump: boolean; readonly isRebuilt: boolean }
  >();
  readonly #witnesses = new Witnesses();
  /** Messages that are bad beyond doubt: each receipt of one counts against the peer that brings it. */
  readonly #provenBad = new Map<number, BadMessage["verdict"]>();
  readonly #unchecked = new Set<number>();
  /** Messages whose bytes were rebuilt: their signatures prove them. */
  readonly #rebuilt = new Set<number>();
  /** By the second byte of the type: the first is 1 for all gossip (BOLT 7). */
  readonly #receipts = new Float64Array(256);

  constructor(options: RecorderOptions, dependencies: PipelineDependencies) {
    this.#onBad = dependencies.onBad;
    this.#onValid = dependencies.onValid;
    this.verifier = new Verifier({
      ...dependencies,
      onVerdict: (number, verdict) => {
        const isUnproven = this.#rebuilt.delete(number) &&
          (verdict === "invalid" || verdict === "unknown_signer");
        this.recorder.verdict(number, isUnproven ? "rebuilt" : verdict);
      },
      onBad: (bad) => this.#takeBad(bad),
    });
    this.quotas = new RawQuotas({
      limits: dependencies.rawLimits,
      isKnownChannel: (scid) => this.verifier.isKnownChannel(scid),
      random: dependencies.random,
    });
    this.recorder = new Recorder(options, { ...dependencies, quotas: this.quotas });
  }

  openSession(opened: Omit<SessionOpened, "kind" | "session">): number {
    const session = this.recorder.openSession(opened);
    const isDump = opened.filter_first === 0;
    const askedUntil = isDump ? Infinity : 0;
    const isRebuilt = opened.source?.kind === "lnd_trace_log";
    this.#peers.set(session, { nodeId: opened.node_id, askedUntil, isDump, isRebuilt });
    return session;
  }

  asked(session: number, until: number): void {
    this.recorder.asked(session, until);
    const peer = this.#peers.get(session);
    if (peer && !peer.isDump) peer.askedUntil = until;
  }

  receive(session: number, raw: Uint8Array, receivedAt: number, place?: Place): void {
    const { number, isNew } = this.recorder.receive(session, raw, receivedAt, place);
    if (messageType(raw) === NOT_STORED_TYPE) return;
    this.#receipts[raw[1]]++;
    if (isNew && this.#peers.get(session)?.isRebuilt) {
      if (this.#rebuilt.size >= MAX_REBUILT) this.#rebuilt.clear();
      this.#rebuilt.add(number);
    }
    if (isNew || this.#unchecked.size > 0 && this.#unchecked.delete(number)) {
      return this.#check(session, number, raw.slice());
    }
    // Of channel_announcements only, so that nothing is looked up for updates, which are most.
    if (raw[1] === 0 && this.#witnesses.again(number, this.#peers.get(session)?.nodeId)) {
      this.#onValid?.(raw, null, null);
    }
    const verdict = this.#provenBad.size > 0 ? this.#provenBad.get(number) : undefined;
    if (verdict) this.#onBad({ source: session, number, verdict, proven: true });
  }

  sessionState(state: Omit<SessionState, "kind">): void {
    this.recorder.sessionState(state);
  }

  note(event: LogGap): void {
    this.recorder.note(event);
  }

  closeSession(closed: Omit<SessionClosed, "kind">): void {
    this.recorder.closeSession(closed);
    this.#peers.delete(closed.session);
  }

  get receiptsByType(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    this.#receipts.forEach((count, low) => count > 0 && counts.set(256 + low, count));
    return counts;
  }

  /** Ends the epoch in order: messages without a verdict get their last, then everything is in batches. */
  end(): void {
    this.verifier.finish();
    this.recorder.end();
  }

  /** Stops both without ending the epoch; twice is harmless. */
  [Symbol.dispose](): void {
    this.verifier[Symbol.dispose]();
    this.recorder[Symbol.dispose]();
  }

  #check(session: number, number: number, raw: Uint8Array): void {
    const sourcePeer = this.#peers.get(session);
    const brought = sourcePeer && { sourcePeer, isValid: false, isSeconded: false };
    if (this.verifier.push({ source: session, number, raw, brought })) {
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
