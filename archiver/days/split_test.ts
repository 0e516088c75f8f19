import fc from "fast-check";
import assert from "node:assert/strict";
import { type Interval, split, uncovered } from "./split.ts";

const WHOLE = { from: 0, to: 1000 };

Deno.test("pieces meet, cover the whole, and have no more rows than they may", () => {
  const counts = fc.uniqueArray(
    fc.record({ at: fc.nat(999), rows: fc.integer({ min: 1, max: 50 }) }),
    {
      selector: ({ at }) => at,
      maxLength: 60,
    },
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
