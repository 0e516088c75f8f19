import fc from "fast-check";
import assert from "node:assert/strict";
import { UserError } from "../../shared/errors.ts";
import { makeManifest, manifestSums, manifestText, parseManifest } from "./manifest.ts";

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
  refused("", /^a\.json is no manifest: it is no JSON$/);
  refused("[]", /^a\.json is no manifest: /);
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
