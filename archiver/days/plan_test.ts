import fc from "fast-check";
import assert from "node:assert/strict";
import {
  type DaysOptions,
  type Interval,
  requestedPlan,
  scheduledPlan,
  split,
  uncovered,
} from "./plan.ts";

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
    withdraw: false,
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

const WHOLE = { from: 0, to: 1000 };

Deno.test("pieces meet, cover the whole, and have no more rows than they may", () => {
  const counts = fc.uniqueArray(
    fc.record({ at: fc.nat(999), rows: fc.integer({ min: 1, max: 50 }) }),
    { selector: ({ at }) => at, maxLength: 60 },
  ).map((found) => found.sort((a, b) => a.at - b.at));
  fc.assert(fc.property(counts, fc.integer({ min: 1, max: 100 }), (counts, max) => {
    const pieces = split(WHOLE, counts, max);
    assert.equal(pieces[0].from, WHOLE.from);
    assert.equal(pieces.at(-1)!.to, WHOLE.to);
    for (const [i, { from, to }] of pieces.entries()) {
      assert.ok(from < to || counts.length === 0);
      if (i > 0) assert.equal(from, pieces[i - 1].to);
      const own = counts.filter(({ at }) => at >= from && at < to);
      const rows = own.reduce((sum, { rows }) => sum + rows, 0);
      assert.ok(rows <= max || own.length === 1);
    }
  }));
});

Deno.test("what others leave free is what they do not cover", () => {
  const cuts = fc.uniqueArray(fc.nat(1000), { maxLength: 20 })
    .map((found) => found.sort((a, b) => a - b));
  fc.assert(fc.property(cuts, (cuts) => {
    const others: Interval[] = [];
    for (let i = 0; i + 1 < cuts.length; i += 2) others.push({ from: cuts[i], to: cuts[i + 1] });
    const free = uncovered(WHOLE, others.toReversed());
    for (let at = WHOLE.from; at < WHOLE.to; at++) {
      const inside = (list: readonly Interval[]) =>
        list.filter(({ from, to }) => at >= from && at < to).length;
      assert.equal(inside(others) + inside(free), 1, String(at));
    }
  }));
});
