import assert from "node:assert/strict";
import { manifestPath, parquetPath } from "./layout.ts";

Deno.test("files lie in folders of year, month and day, further parts with their number", () => {
  const path = parquetPath("/d", { table: "receipts", day: "2025-09-26", part: 0 });
  assert.equal(path, "/d/receipts/2025/09/26/receipts_2025-09-26.parquet");
  const second = parquetPath("/d", { table: "messages", day: "2025-09-26", part: 2 });
  assert.equal(second, "/d/messages/2025/09/26/messages_2025-09-26.2.parquet");
  assert.equal(manifestPath(second), "/d/messages/2025/09/26/messages_2025-09-26.2.json");
});
