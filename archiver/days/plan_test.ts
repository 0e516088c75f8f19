import assert from "node:assert/strict";
import { type DaysOptions, requestedPlan, scheduledPlan } from "./plan.ts";

const HOUR = 3_600_000;
const NOW = 1_758_888_000_000_000;
const OPTIONS: DaysOptions = {
  folder: "days",
  after: 6 * HOUR,
  keep_hot: 168 * HOUR,
  keep_files: null,
  apply: false,
  memoryLimitBytes: 1,
};
const ago = (hours: number) => NOW - hours * HOUR * 1000;

Deno.test("by the clock days are copied after a while, dropped when config says so, what is late after a day", () => {
  assert.deepEqual(scheduledPlan(OPTIONS, NOW), {
    day: null,
    copyBefore: ago(6),
    copyLateBefore: ago(24),
    dropHotBefore: ago(168),
    dropFilesBefore: null,
    apply: false,
    verify: false,
  });
});

Deno.test("as asked only that is dropped which was named, and verified even if it stays", () => {
  const request = { day: null, drop: null, apply: false } as const;
  const copy = requestedPlan(request, OPTIONS, NOW);
  assert.deepEqual([copy.dropHotBefore, copy.dropFilesBefore, copy.copyBefore], [
    null,
    null,
    ago(6),
  ]);
  assert.ok(copy.copyLateBefore > NOW, "what is late is copied at once");
  const hot = requestedPlan({ ...request, drop: "hot" }, OPTIONS, NOW);
  assert.deepEqual([hot.dropHotBefore, hot.dropFilesBefore, hot.verify], [ago(168), null, true]);
  const files = requestedPlan({ ...request, drop: "files" }, { ...OPTIONS, keep_files: HOUR }, NOW);
  assert.deepEqual([files.dropHotBefore, files.dropFilesBefore], [null, ago(1)]);
});

Deno.test("a day that is named may be copied and dropped as soon as it is over, whatever is kept otherwise", () => {
  const request = { day: "2025-09-25", drop: "hot", apply: true } as const;
  const plan = requestedPlan(request, { ...OPTIONS, keep_hot: null }, NOW);
  assert.deepEqual([plan.copyBefore, plan.dropHotBefore, plan.apply], [NOW, NOW, true]);
});
