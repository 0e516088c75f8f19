import assert from "node:assert/strict";
import { SessionCounts } from "./session_counts.ts";

const MINUTE = 60_000_000;
const START = 1_758_844_800_000_000;

Deno.test("a pong counts only for a ping that is under way, and gives its round trip", () => {
  const counts = new SessionCounts();
  counts.ponged(START);
  counts.pinged(START);
  counts.ponged(START + 250);
  counts.ponged(START + 300);
  counts.pinged(START + MINUTE);
  counts.ponged(START + MINUTE + 750);
  counts.pinged(START + 2 * MINUTE);
  const { pings_sent, pings_answered, rtt_min, rtt_median, rtt_max } = counts.figures(0, 0);
  assert.deepEqual([pings_sent, pings_answered], [3, 2]);
  assert.deepEqual([rtt_min, rtt_median, rtt_max], [250, 250, 750]);
});

Deno.test("gossip is counted with its first and last time", () => {
  const counts = new SessionCounts();
  assert.equal(counts.figures(0, 0).first_gossip_at, null);
  for (const at of [START, START + 5, START + 9]) counts.receipt(at);
  const { receipts, first_gossip_at, last_gossip_at } = counts.figures(7, 8);
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
