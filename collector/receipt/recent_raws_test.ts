import assert from "node:assert/strict";
import fc from "fast-check";
import { RecentRaws } from "./recent_raws.ts";

const CAPACITY = 256;
const COUNT_LOG2 = 4;

Deno.test("a kept message is the one that was added, and the newest are kept", () => {
  const raw = fc.uint8Array({ minLength: 1, maxLength: 100, size: "max" });
  fc.assert(fc.property(fc.array(raw, { maxLength: 80, size: "max" }), (raws) => {
    const recent = new RecentRaws(CAPACITY, COUNT_LOG2);
    for (const [number, added] of raws.entries()) {
      recent.add(number, added);
      const kept = raws.slice(0, number + 1).map((_, i) => recent.get(i));
      const oldest = kept.findIndex((raw) => raw !== null);
      for (const [i, raw] of kept.entries()) {
        assert.equal(raw === null, i < oldest);
        if (raw !== null) assert.deepEqual(raw, raws[i]);
      }
      // What is gone had to go: with it, the ring or the count would be too small.
      const bytes = raws.slice(Math.max(0, oldest - 1), number + 1).reduce(
        (n, t) => n + t.length,
        0,
      );
      const gap = 100;
      assert.ok(oldest === 0 || bytes > CAPACITY - gap || number - oldest + 1 === 2 ** COUNT_LOG2);
      assert.equal(recent.get(number + 1), null);
      assert.equal(recent.find(added), number);
    }
  }));
});

Deno.test("a raw is found by all of its bytes or not at all", () => {
  const alike = fc.uint8Array({ minLength: 10, maxLength: 14, max: 1 });
  fc.assert(fc.property(fc.array(alike, { minLength: 1, maxLength: 15 }), alike, (raws, other) => {
    const recent = new RecentRaws(CAPACITY, COUNT_LOG2);
    raws.forEach((raw, number) => recent.add(number, raw));
    const found = recent.find(other);
    if (found >= 0) assert.deepEqual(raws[found], other);
    recent.guess(0, raws[0]);
    assert.equal(recent.find(raws[0]), 0);
  }));
});
