import assert from "node:assert/strict";
import fc from "fast-check";
import { RoundTrips, SessionCounts } from "./session_counts.ts";

const MINUTE = 60_000_000;
const START = 1_758_844_800_000_000;

Deno.test("a pong counts only for a ping that is under way, and gives its round trip", () => {
  const counts = new SessionCounts();
  counts.ponged(START);
  counts.pinged(START, true);
  counts.ponged(START + 250);
  counts.ponged(START + 300);
  counts.pinged(START + MINUTE, true);
  counts.ponged(START + MINUTE + 750);
  counts.pinged(START + 2 * MINUTE, true);
  const { pings_sent, pings_answered, rtt_min, rtt_median, rtt_max } = counts.figures(
    0,
    0,
    START + 3 * MINUTE,
  );
  assert.deepEqual([pings_sent, pings_answered], [3, 2]);
  assert.deepEqual([rtt_min, rtt_median, rtt_max], [250, 250, 750]);
});

Deno.test("a ping that went out just now is not counted as unanswered; one of half a minute ago is", () => {
  const counts = new SessionCounts();
  counts.pinged(START, true);
  const sent = (age: number) => counts.figures(0, 0, START + age).pings_sent;
  assert.deepEqual([sent(0), sent(29_999_999), sent(30_000_000)], [0, 0, 1]);
});

Deno.test("a pong behind our own answers is an answer, and no round trip", () => {
  const counts = new SessionCounts();
  counts.pinged(START, false);
  counts.ponged(START + 250);
  const { pings_sent, pings_answered, rtt_max } = counts.figures(0, 0, START + 500);
  assert.deepEqual([pings_sent, pings_answered, rtt_max], [1, 1, null]);
});

Deno.test("gossip is counted with its first and last time", () => {
  const counts = new SessionCounts();
  assert.equal(counts.figures(0, 0, START).first_gossip_at, null);
  for (const at of [START, START + 5, START + 9]) counts.receipt(at);
  const { receipts, first_gossip_at, last_gossip_at } = counts.figures(7, 8, START);
  assert.deepEqual([receipts, first_gossip_at, last_gossip_at], [3, START, START + 9]);
});

Deno.test("a session tells of itself at ages that double, then every hour", () => {
  const counts = new SessionCounts();
  counts.opened(START);
  const told: number[] = [];
  for (let minute = 1; minute <= 300; minute++) {
    if (counts.isDue(START + minute * MINUTE)) told.push(minute);
  }
  assert.deepEqual(told, [5, 10, 20, 40, 80, 140, 200, 260]);
});

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
