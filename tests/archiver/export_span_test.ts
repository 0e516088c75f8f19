import { deepEqual, equal, throws } from "node:assert/strict";
import {
  dayName,
  daySpan,
  overlaps,
  readSpan,
  spanName,
  within,
} from "../../archiver/export/span.ts";

const DAY = 86_400_000_000;
const TWENTY_SIXTH = Date.UTC(2025, 8, 26) * 1000;

Deno.test("a window's ends are days or instants of UTC, to the microsecond", () => {
  const read = (text: string) => readSpan(text, undefined).from;
  equal(read("2025-09-26"), TWENTY_SIXTH);
  equal(read("2025-09-26T20:00Z"), TWENTY_SIXTH + 20 * 3_600_000_000);
  equal(read("2025-09-26T00:00:01.5Z"), TWENTY_SIXTH + 1_500_000);
  equal(read("2025-09-26T00:00:01.000007Z"), TWENTY_SIXTH + 1_000_007);
  deepEqual(readSpan(undefined, undefined), { from: null, until: null });
});

Deno.test("what is no time is refused, and a window that ends before it begins", () => {
  for (
    const text of ["", "today", "2025-02-30", "2025-09-26T20:00", "2025-13-01", "2025-09-26T25:00Z"]
  ) {
    throws(() => readSpan(text, undefined), /--from is .* it should be a day such as/);
  }
  throws(() => readSpan("2025-09-27", "2025-09-27"), /--until is the first instant after/);
});

Deno.test("a window is cut at its own ends and at midnight, UTC", () => {
  const span = readSpan("2025-09-26T20:00Z", "2025-09-28T01:00Z");
  const first = TWENTY_SIXTH / DAY;
  deepEqual(daySpan(span, first), { from: span.from, until: TWENTY_SIXTH + DAY });
  deepEqual(daySpan(span, first + 1), { from: TWENTY_SIXTH + DAY, until: TWENTY_SIXTH + 2 * DAY });
  deepEqual(daySpan(span, first + 2), { from: TWENTY_SIXTH + 2 * DAY, until: span.until });
  equal(dayName(first), "2025-09-26");
});

Deno.test("a window's conditions are half open, and true where it has no ends", () => {
  const span = readSpan("2025-09-26", "2025-09-27");
  const [from, until] = ["26", "27"].map((day) => `TIMESTAMPTZ '2025-09-${day}T00:00:00.000000Z'`);
  equal(within("at", span), `at >= ${from} AND at < ${until}`);
  equal(overlaps("a", "b", span), `(b IS NULL OR b >= ${from}) AND a < ${until}`);
  equal(within("at", { from: null, until: null }), "TRUE");
  equal(overlaps("a", "b", { from: null, until: null }), "TRUE");
  equal(spanName({ from: null, until: null }), "all of it");
  equal(spanName({ from: TWENTY_SIXTH, until: null }), "from 2025-09-26T00:00:00.000000Z on");
});
