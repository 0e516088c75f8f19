// Spans in which the collector was held up: frozen, starved of its core, or busy without a pause. What arrived in such a
// span was stamped late. A timer that comes late shows it; sockets are read in the same event loop, and no session reads
// longer than a turn of it.

import type { Clock } from "../../shared/clock.ts";
import { every } from "../../shared/waiting.ts";

const LOOK_MS = 100;
/** Lateness below it is the event loop's daily work; delays between peers are seconds. */
const LEAST_STALL_US = 250_000;
/** Stalls closer to each other are one: a starved core would make ten per second. */
const CALM_US = 1_000_000;
/** A longer one is reported in parts, so that little is lost at SIGKILL. */
const LONGEST_PART_US = 60_000_000;

/** A span, µs since the Unix epoch. */
export interface Stall {
  /** The last look that came in time. */
  readonly since: number;
  /** The look that came late. */
  readonly at: number;
}

/** Watches for stalls until it is disposed of, which reports the one under way; twice is harmless. */
export function watchStalls(clock: Clock, onStall: (stall: Stall) => void): Disposable {
  const stop = new AbortController();
  let last = clock.now();
  let stall: Stall | null = null;
  const report = () => {
    if (stall) onStall(stall);
    stall = null;
  };
  const look = () => {
    const at = clock.now();
    if (at - last >= LOOK_MS * 1000 + LEAST_STALL_US) {
      stall = { since: stall?.since ?? last, at };
    } else if (stall && at - stall.at >= CALM_US) {
      report();
    }
    if (stall && stall.at - stall.since >= LONGEST_PART_US) report();
    last = at;
  };
  void every(clock, LOOK_MS, stop.signal, look);
  return {
    [Symbol.dispose]() {
      if (stop.signal.aborted) return;
      stop.abort();
      look();
      report();
    },
  };
}
