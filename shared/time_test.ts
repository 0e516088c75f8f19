import { equal } from "node:assert/strict";
import fc from "fast-check";
import { DAY_US, dayOf, dayStart, isoTime, isoTimeOrNull, parseTime } from "./time.ts";

const TWENTY_SIXTH = Date.UTC(2025, 8, 26) * 1000;

Deno.test("an instant is written with its microseconds", () => {
  equal(isoTime(TWENTY_SIXTH + 1), "2025-09-26T00:00:00.000001Z");
  equal(isoTime(1), "1970-01-01T00:00:00.000001Z");
  equal(isoTime(-1), "1969-12-31T23:59:59.999999Z");
  equal(isoTimeOrNull(null), null);
});

Deno.test("any instant comes back from its text", () => {
  const any = fc.maxSafeInteger();
  fc.assert(fc.property(any, (instant) => equal(parseTime(isoTime(instant)), instant)));
});

Deno.test("a time is a day, or an instant with its zone, to the microsecond", () => {
  const times: Record<string, number> = {
    "2025-09-26": TWENTY_SIXTH,
    "2025-09-26T00:00Z": TWENTY_SIXTH,
    "2025-09-26T00:00:01Z": TWENTY_SIXTH + 1e6,
    "2025-09-26T00:00:00.5Z": TWENTY_SIXTH + 500_000,
    "2025-09-26T00:00:00.000001Z": TWENTY_SIXTH + 1,
    "2025-09-26T02:00:00+02:00": TWENTY_SIXTH,
    "2025-09-25T18:30:00-0530": TWENTY_SIXTH,
    "2024-02-29": Date.UTC(2024, 1, 29) * 1000,
  };
  for (const [text, instant] of Object.entries(times)) equal(parseTime(text), instant, text);
});

Deno.test("what is not a time of the calendar, or leaves its zone open, is NaN", () => {
  const texts = [
    ...["", "now", "yesterday", "2025-9-26", "26.09.2025", "1758844800"],
    ...["2025-02-30", "2025-02-29", "2025-13-01", "2025-00-10", "2025-09-31", "0000-00-00"],
    ...["2025-09-26T00:00:00", "2025-09-26T24:00:00Z", "2025-09-26T00:60:00Z"],
    ...["2025-09-26T00:00:60Z", "2025-02-30T00:00:00Z", "2025-09-26T00:00:00.0000001Z"],
    ...["0001-01-01", "9999-12-31", "2255-06-06"],
    ...["2025-09-26Z", "2025-09-26 00:00:00Z", "2025-09-26T00:00:00+25:00"],
  ];
  for (const text of texts) equal(parseTime(text), NaN, text);
});

Deno.test("a day begins at midnight UTC and ends before the next", () => {
  equal(dayStart("2025-09-26"), 1_758_844_800_000_000);
  equal(dayOf(TWENTY_SIXTH), "2025-09-26");
  equal(dayOf(TWENTY_SIXTH + DAY_US - 1), "2025-09-26");
  equal(dayOf(TWENTY_SIXTH - 1), "2025-09-25");
  const texts = ["", "2025-9-26", "2025-02-30", "2025-13-01", "yesterday", "2025-09-26T00:00Z"];
  for (const text of texts) equal(dayStart(text), NaN, text);
});
