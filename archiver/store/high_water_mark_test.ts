import assert from "node:assert/strict";
import fc from "fast-check";
import { HighWaterMark } from "./high_water_mark.ts";

/** `first-last(receipts)` of each gap. */
function gapsOf(mark: HighWaterMark): string[] {
  return mark.gaps.map(({ first, last, receipts, reason }) =>
    `${first}-${last}(${receipts}) ${reason}`
  );
}

Deno.test("batches in order leave no gap", () => {
  const mark = new HighWaterMark();
  assert.equal(mark.note(0, 0, 10, 1), "next");
  assert.equal(mark.note(1, 10, 5, 2), "next");
  assert.deepEqual([mark.next, mark.stamped, mark.gaps], [2, 15, []]);
});

Deno.test("a batch past the mark opens a gap that knows its receipts", () => {
  const mark = new HighWaterMark();
  mark.note(0, 0, 10, 1);
  assert.equal(mark.note(4, 100, 1, 2), "next");
  assert.deepEqual(gapsOf(mark), ["1-3(90) missing"]);
  assert.equal(mark.gaps[0].noticedAt, 2);
});

Deno.test("a late batch splits its gap, and the receipts of the parts are known", () => {
  const mark = new HighWaterMark();
  mark.note(6, 60, 10, 1);
  assert.equal(mark.note(2, 20, 10, 2), "late");
  assert.deepEqual(gapsOf(mark), ["0-1(20) missing", "3-5(30) missing"]);
  assert.equal(mark.note(0, 0, 15, 3), "late");
  assert.deepEqual(gapsOf(mark), ["1-1(5) missing", "3-5(30) missing"]);
  assert.equal(mark.note(1, 15, 5, 3), "late");
  assert.deepEqual(gapsOf(mark), ["3-5(30) missing"]);
  assert.equal(mark.note(1, 15, 5, 4), "duplicate");
  assert.equal(mark.next, 7);
});

Deno.test("a dropped range gives gaps their reason, and opens one where none was noticed", () => {
  const mark = new HighWaterMark();
  mark.note(0, 0, 10, 1);
  mark.note(5, 50, 10, 2);
  mark.noteDropped(2, 3, 3);
  assert.deepEqual(gapsOf(mark), ["1-1(null) missing", "2-3(null) dropped", "4-4(null) missing"]);
  mark.noteDropped(8, 9, 4);
  assert.deepEqual(gapsOf(mark).slice(3), ["6-7(null) missing", "8-9(null) dropped"]);
  assert.equal(mark.next, 10);
});

Deno.test("the batch behind a dropped range tells how many receipts it held", () => {
  const mark = new HighWaterMark();
  mark.note(0, 0, 10, 1);
  mark.noteDropped(1, 4, 2);
  mark.note(5, 70, 1, 3);
  assert.deepEqual(gapsOf(mark), ["1-4(60) dropped"]);
});

Deno.test("a dropped range that is upside down, or in the archive, changes nothing", () => {
  const mark = new HighWaterMark();
  mark.note(0, 0, 10, 1);
  const { gaps } = mark;
  mark.noteDropped(5, 4, 2);
  mark.noteDropped(0, 0, 2);
  assert.equal(mark.gaps, gaps);
  assert.equal(mark.next, 1);
});

Deno.test("a gap behind a late batch begins with what that batch told", () => {
  const mark = new HighWaterMark();
  mark.noteDropped(0, 1, 1);
  mark.note(1, 10, 5, 2); // came after all
  mark.note(3, 22, 1, 3);
  assert.deepEqual(gapsOf(mark), ["0-0(10) dropped", "2-2(7) missing"]);
});

Deno.test("in any order, with repeats and drops, gaps are what is below the mark and never came", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ batch: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ first: fc.nat(30), last: fc.nat(35) }) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const mark = new HighWaterMark();
    const came = new Set<number>();
    let next = 0;
    for (const step of steps) {
      if ("batch" in step) {
        const { batch } = step;
        // Batch n has n receipts, so n (n - 1) / 2 come before it.
        const expected = came.has(batch) ? "duplicate" : batch < next ? "late" : "next";
        assert.equal(mark.note(batch, batch * (batch - 1) / 2, batch, 1), expected);
        came.add(batch);
        next = Math.max(next, batch + 1);
      } else {
        mark.noteDropped(step.first, step.last, 1);
        if (step.first <= step.last) next = Math.max(next, step.last + 1);
      }
    }
    assert.equal(mark.next, next);
    const missing: number[] = [];
    for (let number = 0; number < next; number++) if (!came.has(number)) missing.push(number);
    const inGaps = mark.gaps.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, i) => first + i)
    );
    assert.deepEqual(inGaps, missing);
    for (const { first, last, receipts } of mark.gaps) {
      const held = (last * (last + 1) - first * (first - 1)) / 2;
      if (receipts !== null) assert.equal(receipts, held);
    }
  }));
});
