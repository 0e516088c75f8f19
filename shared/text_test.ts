import { equal } from "node:assert/strict";
import fc from "fast-check";
import { grouped, printable } from "./text.ts";

Deno.test("printable leaves plain text alone and cuts long text", () => {
  equal(printable("ACINQ ⚡ node-1"), "ACINQ ⚡ node-1");
  equal(printable("abcdef", 3), "abc…");
});

Deno.test("printable shows what would move a cursor, hide or reverse text", () => {
  equal(printable('\x1b[31mred\n"\\'), "\\u{1b}[31mred\\u{a}\\u{22}\\u{5c}");
  equal(printable("a\u202eb\u200bc\u2028"), "a\\u{202e}b\\u{200b}c\\u{2028}");
});

Deno.test("printable text holds no control or format character, whatever comes in", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    equal(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"]/u.test(printable(text)), false);
  }));
});

Deno.test("numbers are grouped by thousands", () => {
  equal([0, 999, 1234567, 1.5].map(grouped).join(" "), "0 999 1,234,567 2");
});
