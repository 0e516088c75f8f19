import assert from "node:assert/strict";
import type { Cell, Table } from "../format/table.ts";
import { dataTable } from "./tables.ts";

const table = (rows: Cell[][]): Table => ({
  columns: [
    { name: "interval_start", kind: "instant" },
    { name: "avg_size", kind: "number" },
    { name: "receipts", kind: "integer" },
  ],
  rows,
});
const html = (rows: Cell[][], telling?: string) =>
  String(dataTable(table(rows), "label", "q.csv", "No rows: why.", telling));

Deno.test("headers carry units, and may break at underscores", () => {
  const page = html([[0, 1, 2]]);
  assert.match(page, /interval_<wbr>start <span class="unit">\(UTC\)<\/span>/);
  assert.match(page, /avg_<wbr>size <span class="unit">\(B\)<\/span>/);
  assert.match(page, />receipts<\/th>/);
});

Deno.test("of many rows the table shows the most telling ones, and says by what", () => {
  const rows = Array.from({ length: 100 }, (_, i): Cell[] => [i, 1, i]);
  const first = html(rows);
  assert.match(first, /<td class="integer">0<\/td>/);
  assert.match(first, /and 88 more rows in <a href="q.csv">/);
  const most = html(rows, "receipts");
  assert.match(most, /<td class="integer">99<\/td>/);
  assert.doesNotMatch(most, /<td class="integer">0<\/td>/);
  assert.match(most, /the 12 of 100 rows with the most receipts; all in <a/);
});

Deno.test("without rows it says why", () => {
  assert.match(html([]), /<p class="empty">No rows: why\.<\/p>/);
});
