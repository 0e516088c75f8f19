import assert from "node:assert/strict";
import { DAY_MICROSECONDS, dayOf, dayStart, manifestPath, parquetPath } from "./layout.ts";

Deno.test("a day begins at its midnight, UTC, and ends before the next", () => {
  const start = dayStart("2025-09-26");
  assert.equal(start, 1_758_844_800_000_000);
  assert.equal(dayOf(start), "2025-09-26");
  assert.equal(dayOf(start - 1), "2025-09-25");
  assert.equal(dayOf(start + DAY_MICROSECONDS - 1), "2025-09-26");
});

Deno.test("what is no day begins never", () => {
  for (
    const text of ["", "2025-9-26", "2025-02-30", "2025-13-01", "yesterday", "2025-09-26T00:00"]
  ) {
    assert.ok(Number.isNaN(dayStart(text)), text);
  }
});

Deno.test("files lie in folders of year, month and day, further parts with their number", () => {
  const path = parquetPath("/d", { table: "receipts", day: "2025-09-26", part: 0 });
  assert.equal(path, "/d/receipts/2025/09/26/receipts_2025-09-26.parquet");
  const second = parquetPath("/d", { table: "messages", day: "2025-09-26", part: 2 });
  assert.equal(second, "/d/messages/2025/09/26/messages_2025-09-26.2.parquet");
  assert.equal(manifestPath(second), "/d/messages/2025/09/26/messages_2025-09-26.2.json");
});
