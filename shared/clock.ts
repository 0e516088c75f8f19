// Time as the programs see it. Everything that reads the time or waits takes a {@link Clock}, so that tests and
// simulations replay.

/** A source of time. All instants are microseconds since the Unix epoch, as integers (exact below 2^53). */
export interface Clock {
  /** Now, in µs. Never goes back: it is anchored to wall time once and then follows the monotonic clock. */
  now(): number;
  /** Resolves after `milliseconds`; rejects with the signal's reason when `signal` aborts first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock: `performance.timeOrigin + performance.now()`, so a stepped wall clock moves no stamp. */
export const systemClock: Clock = {
  now: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal!.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, milliseconds);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};
