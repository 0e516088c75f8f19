// Counts of a simulated network, for its progress lines. Pure.

import { printable } from "../../shared/text.ts";

/** What can go wrong with a connection. */
export type FailureKind = "handshake" | "session" | "complaint";

/** How many different failures are kept in words; all are counted. */
const MAX_FAILURES_KEPT = 20;
/** How many pongs are timed: an hour of a thousand peers. */
const MAX_DELAYS_KEPT = 1_000_000;

/** All peers' counts together. */
export class Tally {
  /** Connections that finished their handshake and are open. */
  connected = 0;
  /** Of these, how many have sent a gossip filter. */
  subscribed = 0;
  /** Gossip messages that wait to be written, or are being written. */
  queued = 0;
  /** Gossip messages written. */
  sent = 0;
  /** Scheduled gossip messages that nobody took: not connected, or not subscribed. */
  skipped = 0;
  /** Gossip messages whose connection broke while they were written: nobody can tell whether they arrived. */
  uncertain = 0;
  /** Right answers to pings. */
  pongs = 0;
  /** What the first of them took, in milliseconds. */
  readonly pongDelays: number[] = [];
  /** Gossip that the collector sent, which it should never do. */
  forwarded = 0;
  /** By kind: handshakes that failed, connections that broke, warnings and errors that came. */
  readonly failures: Record<FailureKind, number> = { handshake: 0, session: 0, complaint: 0 };
  /** The first of them in words. */
  readonly reasons: string[] = [];

  /** A right answer to a ping, after so many milliseconds. */
  pong(milliseconds: number): void {
    this.pongs++;
    if (this.pongDelays.length < MAX_DELAYS_KEPT) this.pongDelays.push(milliseconds);
  }

  /** Takes one down; `reason` may come from the other side. */
  failure(kind: FailureKind, reason: string): void {
    this.failures[kind]++;
    if (this.reasons.length < MAX_FAILURES_KEPT) this.reasons.push(`${kind}: ${printable(reason)}`);
  }
}
