// Waiting that ends: after a time, at an abort, or when something happens.

import type { Clock } from "./clock.ts";

/** Waits; false as soon as `signal` aborts, true after the time. Never rejects. */
export async function pause(
  clock: Clock,
  milliseconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await clock.sleep(milliseconds, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return !signal.aborted;
}

/** Does `work` after each pause, one after the other, until `signal` aborts. Rejects as `work` does. */
export async function every(
  clock: Clock,
  milliseconds: number,
  signal: AbortSignal,
  work: () => void | Promise<void>,
): Promise<void> {
  while (await pause(clock, milliseconds, signal)) await work();
}

/** Waits for `work`, but not longer than the time. Rejects as `work` does within it. */
export async function atMost(
  clock: Clock,
  milliseconds: number,
  work: Promise<unknown>,
): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([work, pause(clock, milliseconds, done.signal)]);
  } finally {
    done.abort();
  }
}

/** What `work` gives, or the reason of `signal` as soon as that aborts; `work` goes on unheard. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {});
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A time limit under way; disposing ends its wait. */
export interface Deadline extends AsyncDisposable {
  /** Aborts when the time has passed, with `reason` if one was given, or when the outer signal does. */
  readonly signal: AbortSignal;
  readonly passed: boolean;
}

/** Starts a time limit. @param outer aborts it early. @param reason of an abort for lateness. */
export function startDeadline(
  clock: Clock,
  milliseconds: number,
  outer: AbortSignal,
  reason?: Error,
): Deadline {
  const own = new AbortController();
  const done = new AbortController();
  const watch = pause(clock, milliseconds, done.signal).then((passed) => {
    if (passed) own.abort(reason);
  });
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
