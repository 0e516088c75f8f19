// A clock that stands still until the test moves it.

import type { Clock } from "../../shared/clock.ts";

/** One pending {@link Clock.sleep}. */
interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** Time in a test's hand. */
export class ManualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  /** Starts at `now`, µs since the Unix epoch. */
  constructor(now = 1_758_844_800_000_000) {
    this.#now = now;
  }

  /** How many sleeps are pending. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** See {@link Clock.now}. */
  now(): number {
    return this.#now;
  }

  /** See {@link Clock.sleep}. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const settle = (end: () => void) => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", onAbort);
        end();
      };
      const sleeper = {
        due: this.#now + Math.round(milliseconds * 1000),
        wake: () => settle(resolve),
      };
      const onAbort = () => settle(() => reject(signal!.reason));
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Moves time on, and lets each sleeper run at its own moment on the way. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + Math.round(milliseconds * 1000);
    for (;;) {
      await settled();
      const next = [...this.#sleepers].sort((a, b) => a.due - b.due)[0];
      if (!next || next.due > end) break;
      this.#now = Math.max(this.#now, next.due);
      next.wake();
    }
    this.#now = end;
    await settled();
  }
}

/** Lets everything run that needs no time. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
