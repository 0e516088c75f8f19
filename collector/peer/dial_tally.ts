/**
 * Dials by what became of them, told once a minute: a collector without luck dials thousands an hour, and each alone
 * tells nothing.
 *
 * @module
 */
import {
  ADDRESS_KINDS,
  type AddressKind,
  DIAL_OUTCOMES,
  type DialOutcome,
  type DialOutcomes,
} from "../../shared/batch/batch.ts";
import type { Clock } from "../../shared/clock.ts";

const TELL_MILLISECONDS = 60_000;

/** Counts; there are never more than kinds of ends times kinds of addresses. */
export class DialTally {
  /** All so far. */
  readonly totals: Readonly<Record<DialOutcome, number>>;
  readonly #totals = Object.fromEntries(DIAL_OUTCOMES.map((outcome) => [outcome, 0])) as Record<
    DialOutcome,
    number
  >;
  #counts = new Map<string, number>();
  #since: number;

  /** Starts at zero. @param since µs since the Unix epoch. */
  constructor(since: number) {
    this.#since = since;
    this.totals = this.#totals;
  }

  /** Enters a dial that came to its end. */
  add(outcome: DialOutcome, address: AddressKind): void {
    this.#totals[outcome]++;
    const key = `${outcome} ${address}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** All since the last time, and begins anew; null when there was none. @param now µs since the Unix epoch. */
  take(now: number): DialOutcomes | null {
    const counts = this.#counts;
    const since = this.#since;
    this.#counts = new Map();
    this.#since = now;
    if (counts.size === 0) return null;
    const dials = DIAL_OUTCOMES.flatMap((outcome) =>
      ADDRESS_KINDS.flatMap((address) => {
        const count = counts.get(`${outcome} ${address}`);
        return count === undefined ? [] : [{ outcome, address, count }];
      })
    );
    return { kind: "dial_outcomes", since, at: now, dials };
  }
}

/** Tells the tally every minute, and what is left of it when the signal aborts. */
export async function tellDials(
  tally: DialTally,
  clock: Clock,
  signal: AbortSignal,
  tell: (event: DialOutcomes) => void,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(TELL_MILLISECONDS, signal).catch(() => {});
    const event = tally.take(clock.now());
    if (event) tell(event);
  }
}
