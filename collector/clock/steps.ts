// Jumps of the wall clock. Stamps follow the monotonic clock, so each jump changes how far the two differ.

import type { Clock } from "../../shared/clock.ts";
import { every } from "../../shared/waiting.ts";

const LOOK_MS = 1000;
/** Smaller changes are the noise of reading two clocks; slewing (as NTP does by default) moves both alike. */
const LEAST_STEP_US = 20_000;
/** A longer look was itself held up and proves nothing. */
const MAX_LOOK_US = 2000;

export interface Step {
  /** µs since the Unix epoch, by the clock of the stamps. */
  readonly at: number;
  /** µs; negative when it went back. */
  readonly step: number;
}

/** Watches the wall clock, `wall` in µs since the Unix epoch, until disposed. */
export function watchSteps(
  clock: Clock,
  wall: () => number,
  onStep: (step: Step) => void,
): Disposable {
  const stop = new AbortController();
  let last: number | null = null;
  const look = () => {
    const before = clock.now();
    const difference = wall() - before;
    const at = clock.now();
    if (at - before > MAX_LOOK_US) return;
    const step = last === null ? 0 : difference - last;
    if (last === null || Math.abs(step) >= LEAST_STEP_US) last = difference;
    if (Math.abs(step) >= LEAST_STEP_US) onStep({ at, step });
  };
  look();
  void every(clock, LOOK_MS, stop.signal, look);
  return { [Symbol.dispose]: () => stop.abort() };
}
