import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { type Stall, watchStalls } from "./stalls.ts";

/** A clock whose next sleep takes as long as the test says, however short it was to be. */
class HeldUpClock implements Clock {
  at = 1e15;
  #wake: (() => void) | null = null;

  now(): number {
    return this.at;
  }

  sleep(_: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#wake = resolve;
    });
  }

  /** Lets a sleep end after `milliseconds`. */
  async pass(milliseconds: number): Promise<void> {
    this.at += milliseconds * 1000;
    this.#wake?.();
    for (let i = 0; i < 9; i++) await Promise.resolve();
  }
}

/** The stalls, in ms from the beginning, of looks that come so many ms apart. */
async function stallsOf(...gaps: number[]): Promise<[number, number][]> {
  const clock = new HeldUpClock();
  const stalls: Stall[] = [];
  const watch = watchStalls(clock, (stall) => stalls.push(stall));
  for (const gap of gaps) await clock.pass(gap);
  watch[Symbol.dispose]();
  watch[Symbol.dispose]();
  return stalls.map(({ since, at }) => [(since - 1e15) / 1000, (at - 1e15) / 1000]);
}

const calm = Array<number>(11).fill(100);

Deno.test("a look that comes late is a stall from the look before it", async () => {
  assert.deepEqual(await stallsOf(100, 349, 100, ...calm), []);
  assert.deepEqual(await stallsOf(100, 25_000, ...calm), [[100, 25_100]]);
  assert.deepEqual(await stallsOf(100, 350), [[100, 450]], "the one under way at the end");
});

Deno.test("stalls that follow each other within a second are one, and a long one comes in parts", async () => {
  assert.deepEqual(
    await stallsOf(100, 500, 100, 500, ...calm, 400, ...calm),
    [[100, 1200], [2300, 2700]],
  );
  const starved = await stallsOf(...Array<number>(150).fill(1000));
  assert.deepEqual(starved, [[0, 60_000], [60_000, 120_000], [120_000, 150_000]]);
});

Deno.test("a stall that lasts until the end is reported with it", async () => {
  const clock = new HeldUpClock();
  const stalls: Stall[] = [];
  const watch = watchStalls(clock, (stall) => stalls.push(stall));
  await clock.pass(100);
  clock.at += 5_000_000;
  watch[Symbol.dispose]();
  assert.deepEqual(stalls.map(({ since, at }) => at - since), [5_000_000]);
});

Deno.test("an event loop that is held up is a stall of all that time, which data that waited is stamped after", async () => {
  // As a socket's data would, the message waits in the event loop.
  const { port1, port2 } = new MessageChannel();
  const stamped = new Promise<number>((resolve) =>
    port2.onmessage = () => resolve(systemClock.now())
  );
  const reported = Promise.withResolvers<Stall>();
  const from = systemClock.now();
  let until = Infinity;
  using _watch = watchStalls(systemClock, (stall) => {
    if (stall.at >= until) reported.resolve(stall);
  });
  const since = systemClock.now();
  port1.postMessage("gossip");
  // Holds the thread, as a long computation does, at no cost to others.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
  until = systemClock.now();
  const stall = await reported.promise;
  assert.ok(from <= stall.since && stall.since <= since, `${stall.since} ${since}`);
  assert.ok(stall.at >= until);
  assert.ok(await stamped >= until);
  port1.close();
  port2.close();
});
