// A clock for parts that read the time and never wait.

import type { Clock } from "../../shared/clock.ts";

/** Stands still until it is moved, at once and without letting anything run. */
export class StillClock implements Clock {
  #now = 1_758_844_800_000_000;

  /** See {@link Clock.now}. */
  now(): number {
    return this.#now;
  }

  /** Now in whole seconds since the Unix epoch. */
  get seconds(): number {
    return Math.floor(this.#now / 1_000_000);
  }

  /** Moves it on. */
  advance(seconds: number): void {
    this.#now += Math.round(seconds * 1_000_000);
  }

  /** Not for parts that wait. @throws {Error} always. */
  sleep(): Promise<void> {
    throw new Error("this part should not sleep");
  }
}
