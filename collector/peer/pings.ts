// Our pings, one under way at a time, since Eclair closes on two. Their pongs give round trips, and show that a peer has
// read what was sent before. They are not needed as signs of life: any byte is one.

import { encodeMessage } from "../../shared/bolt/message.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Random } from "../../shared/random.ts";
import type { SessionCounts } from "./session_counts.ts";

/** Our pings ask for 1 to 16 bytes, which no implementation minds. */
const MAX_PONG_BYTES_ASKED = 16;
/**
 * Intervals without a byte while a ping is under way, after which the peer is gone: two minutes. Pongs of 95 s were seen
 * over Tor; all implementations send something each minute.
 */
const MAX_SILENT_INTERVALS = 4;

export interface PingsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly own: SessionCounts;
  readonly send: (ping: Uint8Array) => void;
}

/** One session's pings. */
export class Pings implements Disposable {
  /** A peer that did not read the ping does not know how long its pong should be. */
  #underWay: { readonly pongBytes: number; readonly answered: PromiseWithResolvers<void> } | null =
    null;
  #bytesIn = 0;
  #silentIntervals = 0;
  #isDisposed = false;

  constructor(private readonly options: PingsOptions) {}

  /**
   * Pings, unless one is under way; call it at each interval.
   * @param bytesIn read so far.
   * @param isCaughtUp whether nothing of ours waits for the peer to read it, which would be part of the round trip.
   * @returns false when the peer has been silent for too long.
   */
  beat(bytesIn: number, isCaughtUp: boolean): boolean {
    const isSilent = this.#underWay !== null && bytesIn === this.#bytesIn;
    this.#silentIntervals = isSilent ? this.#silentIntervals + 1 : 0;
    this.#bytesIn = bytesIn;
    if (this.#underWay === null) this.#ping(isCaughtUp);
    return this.#silentIntervals < MAX_SILENT_INTERVALS;
  }

  /** Resolves when the peer has read all that was sent so far, or on disposal. */
  async caughtUp(): Promise<void> {
    await this.#underWay?.answered.promise;
    if (this.#isDisposed) return;
    this.#ping(false);
    await this.#underWay!.answered.promise;
  }

  /** Takes a pong; one that was not asked for is ignored. @param receivedAt µs since the Unix epoch. */
  ponged(bytes: number, receivedAt: number): void {
    if (bytes !== this.#underWay?.pongBytes) return;
    this.#underWay.answered.resolve();
    this.#underWay = null;
    this.options.own.ponged(receivedAt);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#underWay?.answered.resolve();
  }

  #ping(isMeasured: boolean): void {
    const { own, clock, random, send } = this.options;
    const pongBytes = 1 + Math.floor(random.next() * MAX_PONG_BYTES_ASKED);
    this.#underWay = { pongBytes, answered: Promise.withResolvers() };
    own.pinged(clock.now(), isMeasured);
    send(encodeMessage({ type: 18, numPongBytes: pongBytes, ignored: new Uint8Array(0) }));
  }
}
