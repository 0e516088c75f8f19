import assert from "node:assert/strict";
import fc from "fast-check";
import { type Orphan, Orphans } from "./orphans.ts";

const orphan = (number: number, source = 1): Orphan => ({ source, number, raw: new Uint8Array(1) });
const numbers = (orphans: Orphan[]) => orphans.map((o) => o.number);

Deno.test("orphans wait for their scid, in the order they came", () => {
  const orphans = new Orphans();
  orphans.add(7n, orphan(1));
  orphans.add(8n, orphan(2));
  orphans.add(7n, orphan(3, 2));
  assert.deepEqual(numbers(orphans.take(7n)), [1, 3]);
  assert.deepEqual(orphans.take(7n), []);
  assert.deepEqual(numbers(orphans.takeAll()), [2]);
  assert.equal(orphans.size, 0);
});

Deno.test("a full cache lets the oldest go; a source and a scid never take more than their share", () => {
  const orphans = new Orphans({ total: 4, perSource: 3, perScid: 2 });
  assert.equal(orphans.add(1n, orphan(1)), undefined);
  assert.equal(orphans.add(1n, orphan(2)), undefined);
  assert.equal(orphans.add(1n, orphan(3, 2))?.number, 3, "the scid has its two");
  assert.equal(orphans.add(2n, orphan(4)), undefined);
  assert.equal(orphans.add(3n, orphan(5))?.number, 5, "the source has its three");
  assert.equal(orphans.add(3n, orphan(6, 2)), undefined);
  assert.equal(orphans.add(3n, orphan(7, 2))?.number, 1, "the whole is full");
  assert.equal(orphans.add(4n, orphan(8))?.number, 2, "the source had room again");
  assert.deepEqual(numbers(orphans.takeAll()), [4, 6, 7, 8]);
});

Deno.test("each orphan that is added comes back exactly once", () => {
  const step = fc.oneof(
    fc.record({ scid: fc.bigInt(0n, 5n), source: fc.nat(3) }),
    fc.bigInt(0n, 5n),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const orphans = new Orphans({ total: 12, perSource: 6, perScid: 4 });
    const back: Orphan[] = [];
    let added = 0;
    for (const step of steps) {
      if (typeof step === "bigint") back.push(...orphans.take(step));
      else {
        const evicted = orphans.add(step.scid, orphan(added++, step.source));
        if (evicted) back.push(evicted);
      }
      assert.ok(orphans.size <= 12);
    }
    back.push(...orphans.takeAll());
    assert.deepEqual(
      numbers(back).sort((a, b) => a - b),
      Array.from({ length: added }, (_, i) => i),
    );
  }));
});
