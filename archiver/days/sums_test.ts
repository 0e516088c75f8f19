import assert from "node:assert/strict";
import { difference, type Sums } from "./sums.ts";

const SUMS: Sums = {
  rows: 2,
  first: 1,
  last: 9,
  columns: { a: { of: "value", sum: "5", nulls: 0 }, b: { of: "md5", sum: "7", nulls: 1 } },
  together: "11",
};

Deno.test("the same sums do not differ, with the whole rows or without", () => {
  assert.equal(difference(SUMS, structuredClone(SUMS)), null);
  const { together: _, ...kept } = SUMS;
  assert.equal(difference(kept, { ...SUMS, together: "12" }), null);
});

Deno.test("each thing that differs is told", () => {
  const column = (change: object) => ({
    columns: { ...SUMS.columns, b: { ...SUMS.columns.b, ...change } },
  });
  const cases: [Partial<Sums>, string][] = [
    [{ rows: 3 }, "2 rows and 3 rows"],
    [{ first: 0 }, "other bounds of time"],
    [{ last: 10 }, "other bounds of time"],
    [column({ sum: "8" }), "another sum of b"],
    [column({ nulls: 0 }), "another sum of b"],
    [column({ of: "value" }), "another sum of b"],
    [{ columns: { a: SUMS.columns.a } }, "another sum of b"],
    [{ columns: { ...SUMS.columns, c: SUMS.columns.a } }, "another sum of c"],
    [{ together: "12" }, "values that go together otherwise"],
  ];
  for (const [change, words] of cases) {
    assert.equal(difference(SUMS, { ...SUMS, ...change }), words);
  }
});
