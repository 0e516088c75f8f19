import assert from "node:assert/strict";
import fc from "fast-check";
import { RoundTrips } from "./round_trips.ts";

function trips(times: Iterable<number>): RoundTrips {
  const all = new RoundTrips();
  for (const time of times) all.add(time);
  return all;
}

Deno.test("without a time there is no least, median or longest", () => {
  const { min, median, max } = trips([]);
  assert.deepEqual([min, median, max], [null, null, null]);
});

Deno.test("least and longest are exact, and so is the median as long as all times are kept", () => {
  const times = fc.array(fc.nat(1e9), { minLength: 1, maxLength: 255, size: "max" });
  fc.assert(fc.property(times, (all) => {
    const { min, median, max } = trips(all);
    const sorted = all.toSorted((a, b) => a - b);
    assert.equal(min, sorted[0]);
    assert.equal(max, sorted.at(-1));
    assert.equal(median, sorted[Math.floor((sorted.length - 1) / 2)]);
  }));
});

Deno.test("the median of a long session is that of an even selection of its times", () => {
  // A year of pings that slow down steadily from 0 to 1,051,199 µs.
  const { min, median, max } = trips({
    *[Symbol.iterator]() {
      for (let i = 0; i < 1_051_200; i++) yield i;
    },
  });
  assert.deepEqual([min, max], [0, 1_051_199]);
  assert.ok(Math.abs(median! - 525_600) < 1_051_200 / 128, `${median}`);
});
