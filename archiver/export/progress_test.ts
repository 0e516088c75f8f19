import { equal, ok } from "node:assert/strict";
import { ProgressLine, progressText } from "./progress.ts";

const HALF = {
  part: "receipts 2025-09-26",
  phase: "sending",
  rows: 500_000,
  total: 1_000_000,
} as const;

Deno.test("progress tells the part, its share and the rate", () => {
  equal(
    progressText(HALF, 2),
    "receipts 2025-09-26, sending: 500,000 of 1,000,000 rows (50 %), 250,000 rows/s",
  );
  equal(
    progressText({ part: "peers", phase: "adding up", rows: 0, total: 0 }, 0),
    "peers, adding up: 0 of 0 rows (100 %), 0 rows/s",
  );
});

function shown(isTerminal: boolean): string {
  let text = "";
  let now = 0;
  const line = new ProgressLine({ isTerminal, write: (part) => text += part }, () => now);
  for (; now < 25_000; now += 100) line.show(HALF);
  line.show({ ...HALF, phase: "comparing" });
  line.end();
  return text;
}

Deno.test("on a terminal the line is renewed in place and removed; elsewhere it is told every ten seconds", () => {
  const terminal = shown(true);
  ok(!terminal.includes("\n"));
  ok(terminal.endsWith("\r\x1b[K"));
  ok(terminal.includes("comparing"));
  equal(terminal.split("\r\x1b[K").length, 128);
  equal(shown(false).split("\n").length, 3);
});
