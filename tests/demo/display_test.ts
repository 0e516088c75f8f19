import assert from "node:assert/strict";
import { columns, Display, type Screen } from "./display.ts";

function output(isTerminal: boolean): Screen & { text: string } {
  return {
    isTerminal,
    text: "",
    columns: () => 12,
    write(text) {
      this.text += text;
    },
  };
}

Deno.test("on a terminal the live line is renewed in place, cut to its width, and gives way to lines that stay", () => {
  const terminal = output(true);
  const display = new Display(terminal, () => 0);
  display.live("one");
  display.live("a line too long");
  display.step("done");
  display.step("more");
  assert.equal(terminal.text, "\r\x1b[Kone\r\x1b[Ka line too \r\x1b[Kdone\nmore\n");
});

Deno.test("on a pipe the live line is told again every three seconds at most", () => {
  const pipe = output(false);
  let now = 0;
  const display = new Display(pipe, () => now);
  display.step("begin");
  for (now = 100; now <= 6200; now += 100) display.live(`at ${now}`);
  display.clear();
  assert.equal(pipe.text, "begin\nat 3000\nat 6000\n");
});

Deno.test("a table's first column is left, the others right", () => {
  assert.deepEqual(columns([["a", "one", "2"], ["bcd", "3", "four"]]), [
    "  a    one     2",
    "  bcd    3  four",
  ]);
});
