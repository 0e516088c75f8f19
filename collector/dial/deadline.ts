/**
 * A signal that aborts at a given time.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";

/** A deadline under way; disposing ends its wait. */
export interface Deadline extends AsyncDisposable {
  /** Aborts when the time has passed, or when the outer signal does. */
  readonly signal: AbortSignal;
  /** Whether the time has passed. */
  readonly passed: boolean;
}

/** Starts a deadline. @param outer aborts it early. */
export function startDeadline(clock: Clock, milliseconds: number, outer: AbortSignal): Deadline {
  const own = new AbortController();
  const done = new AbortController();
  const watch = clock.sleep(milliseconds, done.signal).then(() => own.abort(), () => {});
  return {
    signal: AbortSignal.any([outer, own.signal]),
    get passed() {
      return own.signal.aborted;
    },
    async [Symbol.asyncDispose]() {
      done.abort();
      await watch;
    },
  };
}
