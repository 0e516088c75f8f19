// Sends one peer its answers as fast as it reads them and its limits allow, and not further ahead of its reading: the
// system's buffer takes 3 MB, which at 5 KB/s would hold each pong of ours back for ten minutes.

import type { Clock } from "../../shared/clock.ts";
import { pause } from "../../shared/waiting.ts";
import type { PeerAnswers } from "../gossip/queries/answerer.ts";
import type { Question, Taken } from "../gossip/queries/question.ts";
import type { Pings } from "./pings.ts";

/** Answers that may be sent ahead. At 5 KB/s the least takes 7 s, in time for every implementation's pong. */
const MIN_WINDOW_BYTES = 32 * 1024;
const FIRST_WINDOW_BYTES = 64 * 1024;
const MAX_WINDOW_BYTES = 256 * 1024;
/** A window read faster is doubled, one read slower halved. */
const FAST_US = 2_000_000;
const SLOW_US = 5_000_000;

export interface AnsweringOptions {
  readonly answers: PeerAnswers;
  readonly pings: Pings;
  readonly clock: Clock;
  readonly send: (...messages: Uint8Array[]) => Promise<void>;
  /** Aborts at the end of the session. */
  readonly signal: AbortSignal;
}

/** One session's answers. */
export class Answering {
  /** When the last answer was sent, µs since the Unix epoch; −Infinity before. */
  answeredAt: number = -Infinity;
  #running = Promise.resolve();
  #isRunning = false;
  /** Sent since the peer was known to have read all answers, and how many may be. */
  #unreadBytes = 0;
  #windowBytes = FIRST_WINDOW_BYTES;

  constructor(private readonly options: AnsweringOptions) {}

  /** Whether no answer waits for the peer to read it. */
  get isCaughtUp(): boolean {
    return this.#unreadBytes === 0;
  }

  ask(question: Question): Taken {
    const taken = this.options.answers.take(question);
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#running = this.#run();
    }
    return taken;
  }

  /** After the signal has aborted: resolves when nothing more is sent. */
  async end(): Promise<void> {
    this.options.answers[Symbol.dispose]();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { answers, clock, signal } = this.options;
    while (!signal.aborted) {
      const now = clock.now();
      const { messages, again } = answers.pull(now);
      if (messages.length > 0) await this.#send(messages);
      else if (again === null) break;
      else await pause(clock, Math.ceil((again - now) / 1000), signal);
    }
    this.#isRunning = false;
  }

  async #send(messages: readonly Uint8Array[]): Promise<void> {
    const { pings, clock, send } = this.options;
    this.answeredAt = clock.now();
    await send(...messages);
    this.#unreadBytes += messages.reduce((sum, { length }) => sum + length, 0);
    if (this.#unreadBytes < this.#windowBytes) return;
    const sentAt = clock.now();
    await pings.caughtUp();
    this.#unreadBytes = 0;
    const tookUs = clock.now() - sentAt;
    if (tookUs < FAST_US) this.#windowBytes = Math.min(2 * this.#windowBytes, MAX_WINDOW_BYTES);
    if (tookUs > SLOW_US) this.#windowBytes = Math.max(this.#windowBytes / 2, MIN_WINDOW_BYTES);
  }
}
