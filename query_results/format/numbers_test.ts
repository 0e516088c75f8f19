import assert from "node:assert/strict";
import { captionLines, clocksText, missingText } from "../report/caption.ts";
import {
  formatCount,
  formatDuration,
  formatInstant,
  formatNumber,
  formatPlural,
} from "./numbers.ts";
import { EMPTY_FRAME, type Frame } from "../archive/frame.ts";

Deno.test("numbers have separators and at most four significant digits after the point", () => {
  assert.equal(formatNumber(1234567), "1,234,567");
  assert.equal(formatNumber(2n ** 63n), "9,223,372,036,854,775,808");
  assert.equal(formatNumber(181.70938), "181.7");
  assert.equal(formatNumber(12345.6), "12,346");
  assert.equal(formatNumber(0.0000123456), "0.00001235");
  assert.equal(formatCount(163_872_497), "163.9 M");
  assert.equal(formatCount(1_639_872_497), "1.640 G");
  assert.equal(formatCount(999_999), "999,999");
  assert.equal(formatPlural(1, "peer"), "1 peer");
  assert.equal(formatPlural(2000, "peer"), "2,000 peers");
});

Deno.test("times are in the unit that suits them", () => {
  assert.equal(formatDuration(0), "0 s");
  assert.equal(formatDuration(0.0123), "12.3 ms");
  assert.equal(formatDuration(181.7), "181.7 s");
  assert.equal(formatDuration(3402), "56.7 min");
  assert.equal(formatDuration(83_956), "23.32 h");
  assert.equal(formatDuration(864_000), "10 d");
  assert.equal(formatInstant(1_758_918_670_984_340), "2025-09-26 20:31:10");
});

const frame: Frame = {
  ...EMPTY_FRAME,
  window: { from: 0, to: 90e6 },
  collectors: ["a", "b", "c", "d", "e", "f", "g", "h"],
  peers: 3,
  peersMost: 2,
  peersMean: 1.5,
};

Deno.test("a caption names query, settings, window, collectors and peers", () => {
  const bounds = { least: 0.001, greatest: 1 };
  const parameter = {
    name: "share",
    type: "DOUBLE",
    bounds,
    fallback: 0.5,
    meaning: "a share",
  } as const;
  assert.deepEqual(
    captionLines("q", frame, [{ parameter, value: 0.9, note: "set for this run" }]),
    [
      "query q · share = 0.9 (set for this run)",
      "1970-01-01 00:00:00 to 1970-01-01 00:01:30 UTC (90 s)",
      "collectors a, b, c, d, e, f and 2 more · " +
      "3 peers connected and subscribed (at most 2 at once, 1.5 on average; " +
      "0 % of peer time in the first 10 min of a session)",
      "no open gaps",
      "one clock",
    ],
  );
  assert.equal(
    missingText({ ...frame, gaps: 2, missingBatches: 9, unresolvedReceipts: 1, deadLetters: 1 }),
    "2 open gaps of 9 batches, 1 receipt unresolved, 1 batch set aside unread",
  );
});

Deno.test("the clocks are one, or so and so well known, or unknown", () => {
  const text = (
    count: number,
    measured: number,
    apartSeconds: number | null = 0.0125,
    uncertaintySeconds: number | null = 0.0004,
  ) => clocksText({ ...frame, clocks: { count, measured, apartSeconds, uncertaintySeconds } });
  assert.equal(
    text(3, 3),
    "3 clocks, 12.5 ms apart: delays between collectors are corrected, known to 0.4 ms",
  );
  const unknown = "how far delays between collectors are off is unknown";
  assert.equal(text(3, 2), `WARNING: 3 clocks, 1 of them not measured: ${unknown}`);
  assert.equal(text(2, 0, null, null), `WARNING: 2 clocks, none of them measured: ${unknown}`);
});
