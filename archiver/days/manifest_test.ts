import fc from "fast-check";
import assert from "node:assert/strict";
import { UserError } from "../../shared/errors.ts";
import {
  difference,
  makeManifest,
  manifestSums,
  manifestText,
  parseManifest,
  type Sums,
} from "./manifest.ts";

const MANIFEST = makeManifest({
  table: "receipts",
  day: "2025-09-26",
  part: 0,
  schemaVersion: 5,
  interval: { from: 0, to: 10 },
  sums: {
    rows: 2,
    first: 1,
    last: 9,
    columns: { peer_id: { of: "value", sum: "123456789012345678901234567890", nulls: 0 } },
    together: "5",
  },
  receiptsByCollector: { alpha: 2 },
  bytes: 100,
  sha256: "ab".repeat(32),
});

Deno.test("a manifest is read as it was written", () => {
  const read = parseManifest(manifestText(MANIFEST), "a.json");
  assert.deepEqual(read, MANIFEST);
  assert.deepEqual(manifestSums(read), { rows: 2, first: 1, last: 9, columns: MANIFEST.columns });
});

Deno.test("what is no manifest is refused with its name and what is wrong", () => {
  const refused = (text: string, why: RegExp) =>
    assert.throws(() => parseManifest(text, "a.json"), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, why);
      return true;
    });
  refused("", /^a\.json is not a manifest: it is not JSON$/);
  refused("[]", /^a\.json is not a manifest: /);
  refused(manifestText({ ...MANIFEST, rows: -1 }), /rows: /);
  refused(manifestText({ ...MANIFEST, sha256: "AB" }), /sha256: /);
  refused(JSON.stringify({ ...MANIFEST, more: 1 }), /more: /);
});

Deno.test("any text and any JSON is a manifest or a UserError", () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((inner) => `{"format":1,"rows":${inner}}`),
  );
  fc.assert(fc.property(text, (text) => {
    try {
      parseManifest(text, "a.json");
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
    }
  }));
});

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
