import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_STRING_BYTES, SEGMENT_BYTES, Slab } from "./slab.ts";

/** A string whose bytes tell its number. */
function string(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(number * 31);
  bytes.set([number >> 8, number].slice(0, length));
  return bytes;
}

Deno.test("whatever is put and freed, each string held is the one that was put", () => {
  const length = fc.oneof(fc.nat(40), fc.integer({ min: 4_000, max: 40_000 }));
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ put: length }) },
    { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
      const slab = new Slab();
      const held = new Map<number, Uint8Array>();
      steps.forEach((step, i) => {
        if ("put" in step) {
          const bytes = string(i, step.put);
          const handle = slab.put(bytes);
          assert.ok(!held.has(handle), "a handle in use was dealt out");
          held.set(handle, bytes);
        } else if (held.size > 0) {
          const handle = [...held.keys()][step.free % held.size];
          slab.free(handle);
          held.delete(handle);
        }
      });
      for (const [handle, bytes] of held) assert.deepEqual(slab.get(handle), bytes);
      assert.equal(slab.count, held.size);
      assert.equal(slab.bytes, [...held.values()].reduce((sum, bytes) => sum + bytes.length, 0));
    }),
    { numRuns: 100 },
  );
});

Deno.test("replacing strings for ever by longer and shorter ones takes no more than a third extra", () => {
  const slab = new Slab();
  const handles = Array.from({ length: 40_000 }, (_, i) => slab.put(string(i, 140)));
  for (let round = 1; round <= 200_000; round++) {
    const i = round * 7919 % handles.length;
    slab.free(handles[i]);
    handles[i] = slab.put(string(round, 100 + round * 31 % 80));
  }
  const limit = slab.bytes * (1 + 10 / 140) * 4 / 3 + 4 * SEGMENT_BYTES;
  assert.ok(slab.allocatedBytes < limit, `${slab.allocatedBytes} for ${slab.bytes}`);
  for (const handle of handles) slab.free(handle);
  assert.deepEqual([slab.count, slab.bytes], [0, 0]);
  assert.ok(slab.allocatedBytes <= 3 * SEGMENT_BYTES, "what is empty was let go");
});

Deno.test("one string replaced for ever, the old one freed first or last, takes a few segments", () => {
  for (const freedFirst of [true, false]) {
    const slab = new Slab();
    let handle = slab.put(string(0, 400));
    for (let round = 1; round < 20_000; round++) {
      const old = handle;
      if (freedFirst) slab.free(old);
      handle = slab.put(string(round, 400));
      if (!freedFirst) slab.free(old);
    }
    assert.deepEqual(slab.get(handle), string(19_999, 400));
    assert.ok(slab.allocatedBytes <= 4 * SEGMENT_BYTES, String(slab.allocatedBytes));
  }
});

Deno.test("a string may be empty, and no longer than its length can say", () => {
  const slab = new Slab();
  const handle = slab.put(new Uint8Array(0));
  slab.put(new Uint8Array(MAX_STRING_BYTES));
  assert.deepEqual(slab.get(handle), new Uint8Array(0));
  assert.throws(() => slab.put(new Uint8Array(MAX_STRING_BYTES + 1)), RangeError);
});
