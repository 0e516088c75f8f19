import assert from "node:assert/strict";
import { columns } from "./display.ts";

Deno.test("a table's first column is left, the others right", () => {
  assert.deepEqual(columns([["a", "one", "2"], ["bcd", "3", "four"]]), [
    "  a    one     2",
    "  bcd    3  four",
  ]);
});
