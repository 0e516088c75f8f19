import { deepEqual, equal } from "node:assert/strict";
import { daySpan, overlaps, within } from "../../archiver/export/tables.ts";

const HOUR = 3_600_000_000;
const DAY = 24 * HOUR;
const TWENTY_SIXTH = Date.UTC(2025, 8, 26) * 1000;

Deno.test("a window is cut at its own ends and at midnight, UTC", () => {
  const span = { from: TWENTY_SIXTH + 20 * HOUR, until: TWENTY_SIXTH + 2 * DAY + HOUR };
  const first = TWENTY_SIXTH / DAY;
  deepEqual(daySpan(span, first), { from: span.from, until: TWENTY_SIXTH + DAY });
  deepEqual(daySpan(span, first + 1), { from: TWENTY_SIXTH + DAY, until: TWENTY_SIXTH + 2 * DAY });
  deepEqual(daySpan(span, first + 2), { from: TWENTY_SIXTH + 2 * DAY, until: span.until });
});

Deno.test("a window's conditions are half open, and true where it has no ends", () => {
  const span = { from: TWENTY_SIXTH, until: TWENTY_SIXTH + DAY };
  const [from, until] = ["26", "27"].map((day) => `TIMESTAMPTZ '2025-09-${day}T00:00:00.000000Z'`);
  equal(within("at", span), `at >= ${from} AND at < ${until}`);
  equal(overlaps("a", "b", span), `(b IS NULL OR b >= ${from}) AND a < ${until}`);
  equal(within("at", { from: null, until: null }), "TRUE");
  equal(overlaps("a", "b", { from: null, until: null }), "TRUE");
});
