import type { Clock } from "../../shared/clock.ts";
import { every } from "../../shared/waiting.ts";
import type { DeliveryStatus } from "../uplink/delivery.ts";

export interface Vitals {
  /** Null where none is wanted: receipts come out of logs. */
  readonly peers: number | null;
  readonly spoolBytes: number;
  readonly spoolMaxBytes: number;
  readonly dropped: number;
  /** Null while it can be written. */
  readonly spoolTrouble: string | null;
  readonly isJournalFailing: boolean;
  /** What to add to the collector's time to get the archiver's, µs; null before the first measurement. */
  readonly clockOffset: number | null;
  /** How often another collector of this name was heard. */
  readonly twinsHeard: number;
  readonly uplink: Pick<DeliveryStatus, "delivered" | "trouble" | "reason">;
}

const LOOK_MS = 5000;
const MINUTE_US = 60_000_000;
/** A home connection's peers are back by then. */
const NO_PEERS_MINUTES = 10;
/** A restarted broker, or an upgraded archiver, is back by then. */
const AWAY_MINUTES = 15;
/** How long a loss is reported. */
const DROPPED_MINUTES = 60;
/** The archiver is asked every minute; without an answer in this time none will come. */
const UNMEASURED_MINUTES = 15;
/** More than a clock under NTP is ever off. */
const WRONG_CLOCK_US = 1_000_000;
/** One that runs is heard every ten seconds. */
const TWIN_MINUTES = 2;
/** A spool this full is about to drop batches. */
const FULL_SHARE = 0.9;

/** What the operator should look at, not what comes and goes by itself. Instants are µs since the Unix epoch. */
export class Health {
  #problems: readonly string[] = [];
  #peersAt: number;
  #deliveredAt: number;
  #measuredAt: number;
  #dropped = 0;
  #twinsHeard = 0;
  #twinAt = -Infinity;
  #droppedAt = -Infinity;

  constructor(now: number) {
    this.#peersAt = this.#deliveredAt = this.#measuredAt = now;
  }

  /** Found at the last look, one line each; empty when well. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  look(vitals: Vitals, now: number): void {
    if (vitals.peers !== 0) this.#peersAt = now;
    if (vitals.uplink.trouble === null) this.#deliveredAt = now;
    if (vitals.clockOffset !== null) this.#measuredAt = now;
    if (vitals.dropped > this.#dropped) this.#droppedAt = now;
    this.#dropped = vitals.dropped;
    if (vitals.twinsHeard > this.#twinsHeard) this.#twinAt = now;
    this.#twinsHeard = vitals.twinsHeard;
    this.#problems = [...this.#find(vitals, now)];
  }

  *#find(vitals: Vitals, now: number): Generator<string> {
    const minutesSince = (at: number) => Math.floor((now - at) / MINUTE_US);
    const alone = minutesSince(this.#peersAt);
    if (alone >= NO_PEERS_MINUTES) yield `no peer has been connected for ${alone} minutes`;
    const { delivered, trouble, reason } = vitals.uplink;
    const away = minutesSince(this.#deliveredAt);
    const why = trouble === null ? "" : `: ${trouble}: ${reason}`;
    // What never worked, or is refused, does not get well by itself.
    if (delivered === 0) yield `nothing has been delivered yet${why}`;
    else if (trouble === "refused") yield `batches are refused: ${reason}`;
    else if (away >= AWAY_MINUTES) yield `batches have been waiting for ${away} minutes${why}`;
    const { spoolBytes, spoolMaxBytes, spoolTrouble } = vitals;
    if (spoolTrouble !== null) yield `the spool cannot be written: ${spoolTrouble}`;
    if (spoolBytes > FULL_SHARE * spoolMaxBytes) {
      yield `the spool is ${Math.floor(100 * spoolBytes / spoolMaxBytes)} % full`;
    }
    if (minutesSince(this.#droppedAt) < DROPPED_MINUTES) {
      yield `the spool dropped batches: ${vitals.dropped} so far`;
    }
    if (minutesSince(this.#twinAt) < TWIN_MINUTES) {
      yield "another collector runs under this name: give each a name of its own";
    }
    if (vitals.isJournalFailing) yield "the journal of the open batch cannot be written";
    const { clockOffset } = vitals;
    if (minutesSince(this.#measuredAt) >= UNMEASURED_MINUTES) {
      yield "the clock was never compared with the archiver's: how far delays between collectors are off is unknown";
    } else if (clockOffset !== null && Math.abs(clockOffset) >= WRONG_CLOCK_US) {
      const seconds = Math.round(Math.abs(clockOffset) / 1_000_000);
      yield `the clock is ${seconds} s ${
        clockOffset > 0 ? "behind" : "ahead of"
      } the archiver's: set it (NTP)`;
    }
  }
}

/** Looks every few seconds, and whenever it is asked, until disposed. */
export function watchHealth(
  vitals: () => Vitals,
  clock: Clock,
): Disposable & { problems(): readonly string[] } {
  const health = new Health(clock.now());
  const problems = () => {
    health.look(vitals(), clock.now());
    return health.problems;
  };
  const stop = new AbortController();
  // Times without peers and without deliveries are measured from look to look.
  void every(clock, LOOK_MS, stop.signal, () => void problems());
  return { problems, [Symbol.dispose]: () => stop.abort() };
}
