/**
 * What one session counts, and when it reports.
 *
 * @module
 */
import type { SessionFigures } from "../../shared/batch/batch.ts";

/** Times kept for the median: at a ping every 30 s, two hours of them, and from then on an even selection. */
const MAX_KEPT = 256;

/** Least, median and longest of a row of times. */
export class RoundTrips {
  #least = Infinity;
  #longest = -Infinity;
  #count = 0;
  /** Every `#stride`-th of them. */
  #kept: number[] = [];
  #stride = 1;

  /** Adds a time, µs. */
  add(microseconds: number): void {
    this.#least = Math.min(this.#least, microseconds);
    this.#longest = Math.max(this.#longest, microseconds);
    if (this.#count++ % this.#stride !== 0) return;
    this.#kept.push(microseconds);
    if (this.#kept.length < MAX_KEPT) return;
    this.#kept = this.#kept.filter((_, i) => i % 2 === 0);
    this.#stride *= 2;
  }

  /** The shortest, µs; null when there is none. */
  get min(): number | null {
    return this.#count === 0 ? null : this.#least;
  }

  /** The longest, µs; null when there is none. */
  get max(): number | null {
    return this.#count === 0 ? null : this.#longest;
  }

  /** The median of those kept (the lower one of two), µs; null when there is none. */
  get median(): number | null {
    if (this.#count === 0) return null;
    const sorted = this.#kept.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)];
  }
}

const MINUTE_US = 60_000_000;
/** A session first tells how it is doing at this age, then at twice its age the time before … */
const FIRST_REPORT_US = 5 * MINUTE_US;
/** … but at the latest after so long: of a thousand sessions, some 20 KB of batches an hour. */
const MAX_UNREPORTED_US = 60 * MINUTE_US;

/** One session's figures. All instants are µs since the Unix epoch. */
export class SessionCounts {
  /** Messages read, init among them. */
  messagesIn = 0;
  /** Messages written, init and filter among them. */
  messagesOut = 0;
  /** Gossip among them. */
  gossipOut = 0;
  /** Pings of the peer. */
  pingsReceived = 0;
  /** Pongs for them. */
  pongsSent = 0;
  #receipts = 0;
  #firstGossipAt: number | null = null;
  #lastGossipAt: number | null = null;
  #pingsSent = 0;
  #pingsAnswered = 0;
  #roundTrips = new RoundTrips();
  /** When the ping under way was sent. */
  #pingedAt: number | null = null;
  #openedAt = 0;
  #reportedAt = 0;

  /** Enters that init is done. */
  opened(now: number): void {
    this.#openedAt = this.#reportedAt = now;
  }

  /** Enters a receipt. */
  receipt(receivedAt: number): void {
    this.#receipts++;
    this.#firstGossipAt ??= receivedAt;
    this.#lastGossipAt = receivedAt;
  }

  /** Enters a ping of ours; there is at most one under way. */
  pinged(now: number): void {
    this.#pingsSent++;
    this.#pingedAt = now;
  }

  /** Enters a pong of the peer, which counts when a ping is under way. */
  ponged(receivedAt: number): void {
    if (this.#pingedAt === null) return;
    this.#pingsAnswered++;
    // The pong may have been read just before its ping's write returned.
    this.#roundTrips.add(Math.max(0, receivedAt - this.#pingedAt));
    this.#pingedAt = null;
  }

  /** Whether it is time to tell how it is doing; if so, it counts as told. */
  isDue(now: number): boolean {
    const pause = Math.max(this.#reportedAt - this.#openedAt, FIRST_REPORT_US);
    if (now - this.#reportedAt < Math.min(pause, MAX_UNREPORTED_US)) return false;
    this.#reportedAt = now;
    return true;
  }

  /** All of it so far. */
  figures(bytesIn: number, bytesOut: number): SessionFigures {
    return {
      receipts: this.#receipts,
      bytes_in: bytesIn,
      bytes_out: bytesOut,
      first_gossip_at: this.#firstGossipAt,
      last_gossip_at: this.#lastGossipAt,
      messages_in: this.messagesIn,
      messages_out: this.messagesOut,
      gossip_out: this.gossipOut,
      pings_sent: this.#pingsSent,
      pings_answered: this.#pingsAnswered,
      rtt_min: this.#roundTrips.min,
      rtt_median: this.#roundTrips.median,
      rtt_max: this.#roundTrips.max,
      pings_received: this.pingsReceived,
      pongs_sent: this.pongsSent,
    };
  }
}
