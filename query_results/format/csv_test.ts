import fc from "fast-check";
import assert from "node:assert/strict";
import { toCsv } from "./csv.ts";

Deno.test("CSV has full precision, ISO instants in UTC, and nothing for null", () => {
  assert.equal(
    toCsv({
      columns: [
        { name: "n", kind: "integer" },
        { name: "x", kind: "number" },
        { name: "t", kind: "instant" },
        { name: "s", kind: "text" },
        { name: "b", kind: "boolean" },
      ],
      rows: [
        [2n ** 60n, 0.1 + 0.2, 1_758_918_670_984_340, 'a "b", c', true],
        [null, null, null, null, null],
        [0, -1.5, 1_000, "two\nlines", false],
      ],
    }),
    "n,x,t,s,b\r\n" +
      '1152921504606846976,0.30000000000000004,2025-09-26T20:31:10.984340Z,"a ""b"", c",true\r\n' +
      ",,,,\r\n" +
      '0,-1.5,1970-01-01T00:00:00.001000Z,"two\nlines",false\r\n',
  );
});

Deno.test("any text comes back from its CSV field", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const csv = toCsv({ columns: [{ name: "s", kind: "text" }], rows: [[text]] });
    const field = csv.slice("s\r\n".length, -2);
    const back = field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
    assert.equal(back, /^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
    if (!field.startsWith('"')) assert.doesNotMatch(text, /[",\r\n]/);
  }));
});

Deno.test("a text that a spreadsheet would run is marked as text; numbers below zero are not", () => {
  const csv = (kind: "text" | "number", value: string | number) =>
    toCsv({ columns: [{ name: "s", kind }], rows: [[value]] }).split("\r\n")[1];
  assert.equal(csv("text", "=HYPERLINK(0)"), "'=HYPERLINK(0)");
  assert.equal(csv("text", "@x"), "'@x");
  assert.equal(csv("text", "-1+2"), "'-1+2");
  assert.equal(csv("text", "a=b"), "a=b");
  assert.equal(csv("number", -1.5), "-1.5");
});
