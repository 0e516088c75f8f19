/**
 * Where sessions bring their receipts: to the recorder, and each new message on to the verifier.
 *
 * @module
 */
import type { SessionClosed, SessionOpened } from "../../shared/batch/batch.ts";
import { type ReceiptSink, Recorder } from "../receipt/recorder.ts";
import type { RecorderDependencies, RecorderOptions } from "../receipt/recorder_options.ts";
import { Verifier, type VerifierOptions } from "./verifier.ts";

/** What an {@link Intake} works with. */
export type IntakeDependencies =
  & Omit<RecorderDependencies, "onNewMessage">
  & Omit<VerifierOptions, "onVerdict">;

/** A recorder and a verifier that know of each other. */
export class Intake implements ReceiptSink, Disposable {
  /** Numbers receipts and makes batches of them. */
  readonly recorder: Recorder;
  /** Checks each new message once and tells the recorder. */
  readonly verifier: Verifier;
  /** The session whose receipt is being recorded. */
  #source = -1;

  /** Begins the recorder's epoch. */
  constructor(options: RecorderOptions, dependencies: IntakeDependencies) {
    this.verifier = new Verifier({
      ...dependencies,
      onVerdict: (number, verdict) => this.recorder.verdict(number, verdict),
    });
    this.recorder = new Recorder(options, {
      ...dependencies,
      onNewMessage: (number, raw) => this.verifier.push({ source: this.#source, number, raw }),
    });
  }

  /** See {@link ReceiptSink.openSession}. */
  openSession(opened: Omit<SessionOpened, "kind" | "session">): number {
    return this.recorder.openSession(opened);
  }

  /** See {@link ReceiptSink.receive}. */
  receive(session: number, raw: Uint8Array, receivedAt: number): void {
    this.#source = session;
    this.recorder.receive(session, raw, receivedAt);
  }

  /** See {@link ReceiptSink.closeSession}. */
  closeSession(closed: Omit<SessionClosed, "kind">): void {
    this.recorder.closeSession(closed);
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
}
