import assert from "node:assert/strict";
import { progressText, RowsProgress, timeText } from "./rows_progress.ts";

/** Progress over 1,000 rows on a clock that the test moves. */
function follow(isTerminal: boolean) {
  let now = 0;
  let shown = "";
  const output = { isTerminal, columns: () => 120, write: (text: string) => void (shown += text) };
  const progress = new RowsProgress(output, () => now);
  return {
    at(seconds: number, done: number) {
      now = seconds * 1000;
      shown = "";
      progress.show({ done, total: 1000, what: "a file" });
      return shown;
    },
    end() {
      shown = "";
      progress.end();
      return shown;
    },
  };
}

Deno.test("on a terminal one line is written over, with share, rate and time left", () => {
  const { at, end } = follow(true);
  assert.equal(at(0, 100), "10.0 %, 100 of 1,000 rows, a file\x1b[K");
  assert.equal(at(0.1, 150), "");
  assert.equal(at(2, 400), "\r40.0 %, 400 of 1,000 rows, 150 rows/s, 0:04 left, a file\x1b[K");
  assert.match(at(2.01, 1000), /^\r100\.0 %, 1,000 of 1,000 rows, \d+ rows\/s, a file/);
  assert.equal(end(), "\r\x1b[K");
});

Deno.test("elsewhere a line comes with each twentieth, and every ten seconds", () => {
  const { at, end } = follow(false);
  assert.equal(at(0, 1), "");
  assert.equal(at(1, 30), "");
  assert.match(at(2, 60), /^6\.0 %.*\n$/);
  assert.equal(at(11, 61), "");
  assert.match(at(13, 62), /^6\.2 %.*\n$/);
  assert.equal(end(), "");
});

Deno.test("a share is never rounded up to all, and times are written as on a clock", () => {
  const text = progressText({ share: 0.9999, done: 9999, total: 10_000, rate: 0, what: "x" });
  assert.equal(text, "99.9 %, 9,999 of 10,000 rows, 0 rows/s, x");
  assert.equal(
    progressText({ share: 1, done: 0, total: 0, rate: null, what: "peers, adding up" }),
    "100.0 %, 0 of 0 rows, peers, adding up",
  );
  assert.deepEqual([0, 59.6, 3600, 36_061].map(timeText), ["0:00", "1:00", "1:00:00", "10:01:01"]);
});
