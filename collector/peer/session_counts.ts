import type { SessionFigures } from "../../shared/batch/batch.ts";

/** Times kept for the median: at a ping every 30 s, two hours of them, and from then on an even selection. */
const MAX_KEPT = 256;

/** Least, median and longest of many times, µs; null without any. */
export class RoundTrips {
  #least = Infinity;
  #longest = -Infinity;
  #count = 0;
  #kept: number[] = [];
  #stride = 1;

  add(microseconds: number): void {
    this.#least = Math.min(this.#least, microseconds);
    this.#longest = Math.max(this.#longest, microseconds);
    if (this.#count++ % this.#stride !== 0) return;
    this.#kept.push(microseconds);
    if (this.#kept.length < MAX_KEPT) return;
    this.#kept = this.#kept.filter((_, i) => i % 2 === 0);
    this.#stride *= 2;
  }

  get min(): number | null {
    return this.#count === 0 ? null : this.#least;
  }

  get max(): number | null {
    return this.#count === 0 ? null : this.#longest;
  }

  /** Of those kept; the lower of two. */
  get median(): number | null {
    if (this.#count === 0) return null;
    const sorted = this.#kept.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)];
  }
}

const MINUTE_US = 60_000_000;
/** First report at this age, then at twice the age of the one before … */
const FIRST_REPORT_US = 5 * MINUTE_US;
/** … but at the latest after an hour: of a thousand sessions, some 20 KB of batches per hour. */
const MAX_UNREPORTED_US = 60 * MINUTE_US;

/** A younger ping is neither answered nor unanswered, and not counted yet. */
const PONG_DUE_US = 30_000_000;

/** One session's figures. All instants are µs since the Unix epoch. */
export class SessionCounts {
  /** Init included. */
  messagesIn = 0;
  /** Init and filter included. */
  messagesOut = 0;
  gossipOut = 0;
  pingsReceived = 0;
  pongsSent = 0;
  #receipts = 0;
  #firstGossipAt: number | null = null;
  #lastGossipAt: number | null = null;
  #pingsSent = 0;
  #pingsAnswered = 0;
  #roundTrips = new RoundTrips();
  #pingedAt: number | null = null;
  #isMeasured = false;
  #openedAt = 0;
  #reportedAt = 0;

  opened(now: number): void {
    this.#openedAt = this.#reportedAt = now;
  }

  receipt(receivedAt: number): void {
    this.#receipts++;
    this.#firstGossipAt ??= receivedAt;
    this.#lastGossipAt = receivedAt;
  }

  /** @param isMeasured whether its round trip counts. */
  pinged(now: number, isMeasured: boolean): void {
    this.#pingsSent++;
    this.#pingedAt = now;
    this.#isMeasured = isMeasured;
  }

  /** Ignored when no ping is under way. */
  ponged(receivedAt: number): void {
    if (this.#pingedAt === null) return;
    this.#pingsAnswered++;
    // The pong may have been read just before its ping's write returned.
    if (this.#isMeasured) this.#roundTrips.add(Math.max(0, receivedAt - this.#pingedAt));
    this.#pingedAt = null;
  }

  /** If so, it counts as reported. */
  isDue(now: number): boolean {
    const pause = Math.max(this.#reportedAt - this.#openedAt, FIRST_REPORT_US);
    if (now - this.#reportedAt < Math.min(pause, MAX_UNREPORTED_US)) return false;
    this.#reportedAt = now;
    return true;
  }

  figures(bytesIn: number, bytesOut: number, now: number): SessionFigures {
    const isPongDue = this.#pingedAt !== null && now - this.#pingedAt < PONG_DUE_US;
    return {
      receipts: this.#receipts,
      bytes_in: bytesIn,
      bytes_out: bytesOut,
      first_gossip_at: this.#firstGossipAt,
      last_gossip_at: this.#lastGossipAt,
      messages_in: this.messagesIn,
      messages_out: this.messagesOut,
      gossip_out: this.gossipOut,
      pings_sent: this.#pingsSent - Number(isPongDue),
      pings_answered: this.#pingsAnswered,
      rtt_min: this.#roundTrips.min,
      rtt_median: this.#roundTrips.median,
      rtt_max: this.#roundTrips.max,
      pings_received: this.pingsReceived,
      pongs_sent: this.pongsSent,
    };
  }
}
