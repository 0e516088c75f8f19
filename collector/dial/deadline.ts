import type { Clock } from "../../shared/clock.ts";

export interface Deadline extends AsyncDisposable {
  readonly signal: AbortSignal;
  readonly passed: boolean;
}

/** Starts a deadline; disposing ends its wait. */
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
