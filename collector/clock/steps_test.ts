import assert from "node:assert/strict";
import type { Clock } from "../../shared/clock.ts";
import { type Step, watchSteps } from "./steps.ts";

/** A clock whose sleeps return when the test has looked: each moves it on by what was slept. */
class SteppingClock implements Clock {
  at = 1e15;
  #wake: (() => void) | null = null;

  now(): number {
    return this.at;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      signal?.addEventListener("abort", () => resolve(), { once: true });
      this.#wake = () => {
        this.at += milliseconds * 1000;
        resolve();
      };
    });
  }

  async look(): Promise<void> {
    this.#wake?.();
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
  }
}

Deno.test("each jump of the wall clock is told once, with its direction; noise and slow looks are not", async () => {
  const clock = new SteppingClock();
  const steps: Step[] = [];
  let [ahead, isSlow] = [500, false];
  const wall = () => {
    if (isSlow) clock.at += 1_000_000;
    return clock.at + ahead;
  };
  using watch = watchSteps(clock, wall, (step) => steps.push(step));
  ahead += 1000;
  await clock.look();
  ahead -= 1_500_000;
  await clock.look();
  const first = clock.at;
  await clock.look();
  isSlow = true;
  await clock.look();
  isSlow = false;
  ahead += 3_000_000;
  await clock.look();
  assert.deepEqual(steps, [{ at: first, step: -1_499_000 }, { at: clock.at, step: 3_000_000 }]);
  watch[Symbol.dispose]();
  ahead = 0;
  await clock.look();
  assert.equal(steps.length, 2);
});

Deno.test("small jumps add up until they are told", async () => {
  const clock = new SteppingClock();
  const steps: Step[] = [];
  let ahead = 0;
  const wall = () => clock.at + ahead;
  using _watch = watchSteps(clock, wall, (step) => steps.push(step));
  for (let i = 0; i < 4; i++) {
    ahead += 9000;
    await clock.look();
  }
  assert.deepEqual(steps.map(({ step }) => step), [27_000]);
});
