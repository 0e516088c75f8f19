import assert from "node:assert/strict";
import { atMost, every, pause, startDeadline, unlessAborted } from "../../shared/waiting.ts";
import { ManualClock } from "../support/manual_clock.ts";

Deno.test("a pause ends after its time, or at an abort before it", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const whole = pause(clock, 1000, stop.signal);
  await clock.advance(1000);
  assert.equal(await whole, true);
  const cut = pause(clock, 1000, stop.signal);
  stop.abort();
  assert.equal(await cut, false);
  assert.equal(await pause(clock, 1000, stop.signal), false);
  assert.equal(clock.sleeping, 0);
});

Deno.test("work is done after each pause until an abort", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  let done = 0;
  const ended = every(clock, 1000, stop.signal, () => void done++);
  await clock.advance(3999);
  assert.equal(done, 3);
  stop.abort();
  await ended;
  assert.equal(done, 3);
});

Deno.test("work that takes too long is not waited for, and its failure is passed on", async () => {
  const clock = new ManualClock();
  const waited = atMost(clock, 1000, new Promise(() => {}));
  await clock.advance(1000);
  await waited;
  await atMost(clock, 1000, Promise.resolve());
  await assert.rejects(atMost(clock, 1000, Promise.reject(new Error("no"))), /^Error: no$/);
  assert.equal(clock.sleeping, 0);
});

Deno.test("an abort ends the wait for work with its reason", async () => {
  const stop = new AbortController();
  assert.equal(await unlessAborted(Promise.resolve(7), stop.signal), 7);
  const waited = unlessAborted(new Promise(() => {}), stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(waited, /enough/);
  await assert.rejects(unlessAborted(Promise.resolve(7), stop.signal), /enough/);
});

Deno.test("a deadline aborts when its time has passed, or with the outer signal", async () => {
  const clock = new ManualClock();
  const outer = new AbortController();
  {
    await using deadline = startDeadline(clock, 1000, outer.signal, new Error("too late"));
    assert.equal(deadline.passed, false);
    await clock.advance(1000);
    assert.equal(deadline.passed, true);
    assert.match(String(deadline.signal.reason), /too late/);
  }
  await using deadline = startDeadline(clock, 1000, outer.signal);
  outer.abort();
  assert.deepEqual([deadline.signal.aborted, deadline.passed], [true, false]);
});
