import assert from "node:assert/strict";
import { timeline } from "./timeline.ts";
import { traffic } from "./traffic.ts";

const OPTIONS = { seed: "timeline", peers: 60, seconds: 1200 };

Deno.test("the timeline holds every delivery once, in order of time, after its message was told", () => {
  const expected: string[] = [];
  for (const { number, deliveries, peers, times } of traffic(OPTIONS)) {
    for (let i = 0; i < deliveries; i++) expected.push(`${times[i]} ${peers[i]} ${number}`);
  }
  const found: string[] = [];
  let told = -1;
  let last = 0;
  const slices = timeline(traffic(OPTIONS), 7_000_000, (message) => told = message.number);
  for (const { from, until, count, times, peers, messages } of slices) {
    for (let i = 0; i < count; i++) {
      assert.ok(times[i] >= from && times[i] < until && times[i] >= last);
      assert.ok(messages[i] <= told);
      last = times[i];
      found.push(`${times[i]} ${peers[i]} ${messages[i]}`);
    }
  }
  assert.deepEqual(found.sort(), expected.sort());
});

Deno.test("slices of any length give the same order", () => {
  const order = (sliceMicros: number) => {
    const lines: string[] = [];
    for (const { count, times, peers, messages } of timeline(traffic(OPTIONS), sliceMicros)) {
      for (let i = 0; i < count; i++) lines.push(`${times[i]} ${messages[i]} ${peers[i]}`);
    }
    return lines;
  };
  const short = order(100_000);
  assert.deepEqual(order(60_000_000), short);
  assert.ok(short.length > 10_000);
});

Deno.test("an empty plan has an empty timeline", () => {
  assert.deepEqual([...timeline([], 1000)], []);
});
