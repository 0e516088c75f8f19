/**
 * Whether a collector is well, and if not, why: what its user should look at, not what comes and goes by itself.
 *
 * @module
 */
import type { DeliveryStatus } from "../uplink/delivery.ts";

/** What is looked at. */
export interface Vitals {
  /** Sessions that are open. */
  readonly peers: number;
  /** Bytes of the spool. */
  readonly spoolBytes: number;
  /** What it may hold. */
  readonly spoolMaxBytes: number;
  /** Batches that the spool dropped so far. */
  readonly dropped: number;
  /** Why the spool cannot be written; null while it can. */
  readonly spoolTrouble: string | null;
  /** Whether the journal of the open batch cannot be written. */
  readonly isJournalFailing: boolean;
  /** Why batches wait; null while nothing stops them. */
  readonly uplinkTrouble: DeliveryStatus["trouble"];
}

const MINUTE_US = 60_000_000;
/** Peers of a home connection that went away are back by then. */
const NO_PEERS_MINUTES = 10;
/** A broker that is restarted, or an archiver that is upgraded, is back by then. */
const AWAY_MINUTES = 15;
/** So long a loss is told. */
const DROPPED_MINUTES = 60;
/** A spool as full as that is about to drop batches. */
const FULL_SHARE = 0.9;

/** Looks at the vitals again and again. Instants are µs since the Unix epoch. */
export class Health {
  #problems: readonly string[] = [];
  #peersAt: number;
  #deliveredAt: number;
  #dropped = 0;
  #droppedAt = -Infinity;

  /** All is well at the instant `now`. */
  constructor(now: number) {
    this.#peersAt = this.#deliveredAt = now;
  }

  /** What was wrong at the last look, a line each; none when it is well. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Takes a look. */
  look(vitals: Vitals, now: number): void {
    if (vitals.peers > 0) this.#peersAt = now;
    if (vitals.uplinkTrouble === null) this.#deliveredAt = now;
    if (vitals.dropped > this.#dropped) this.#droppedAt = now;
    this.#dropped = vitals.dropped;
    this.#problems = [...this.#find(vitals, now)];
  }

  *#find(vitals: Vitals, now: number): Generator<string> {
    const minutesSince = (at: number) => Math.floor((now - at) / MINUTE_US);
    const alone = minutesSince(this.#peersAt);
    if (alone >= NO_PEERS_MINUTES) yield `no peer is connected for ${alone} minutes`;
    const away = minutesSince(this.#deliveredAt);
    if (away >= AWAY_MINUTES) yield `batches wait for ${away} minutes: ${vitals.uplinkTrouble}`;
    const { spoolBytes, spoolMaxBytes, spoolTrouble } = vitals;
    if (spoolTrouble !== null) yield `the spool cannot be written: ${spoolTrouble}`;
    if (spoolBytes > FULL_SHARE * spoolMaxBytes) {
      yield `the spool is full to ${Math.floor(100 * spoolBytes / spoolMaxBytes)} %`;
    }
    if (minutesSince(this.#droppedAt) < DROPPED_MINUTES) {
      yield `the spool had to drop batches: ${vitals.dropped} so far`;
    }
    if (vitals.isJournalFailing) yield "the journal of the open batch cannot be written";
  }
}
