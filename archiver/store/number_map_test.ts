import assert from "node:assert/strict";
import fc from "fast-check";
import { NO_PAGE, NumberMap, pageBounds } from "./number_map.ts";

Deno.test("numbers have the ids they were given, over evictions and loads", () => {
  const number = fc.oneof(fc.nat(20_000), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  fc.assert(fc.property(fc.array(fc.tuple(number, fc.nat(3))), (steps) => {
    const archive = new Map<number, number>();
    const map = new NumberMap();
    const loadMissing = (numbers: Uint32Array) => {
      const missing = new Set<number>();
      map.collectMissing(numbers, missing);
      for (const index of missing) {
        const [first, last] = pageBounds(index);
        map.load(index, [...archive].filter(([n]) => first <= n && n <= last));
      }
    };
    let id = 1;
    for (const [number, evictTo] of steps) {
      loadMissing(Uint32Array.of(number));
      assert.equal(map.get(number), archive.get(number) ?? 0);
      map.set(number, id);
      archive.set(number, id++);
      map.evict(evictTo);
      assert.ok(Object.values(map.pages).filter((page) => page !== undefined).length <= evictTo);
    }
    assert.ok(NO_PAGE.every((id) => id === 0));
  }));
});

Deno.test("an archive's numbers are missing until they are loaded, those above are not", () => {
  const map = new NumberMap(5000);
  const missing = new Set<number>();
  map.collectMissing(Uint32Array.of(1, 2, 4095, 4096, 8191, 8192, 1), missing);
  assert.deepEqual([...missing], [0, 1]);
});

Deno.test("the page longest out of use goes first", () => {
  const map = new NumberMap();
  for (const number of [0, 4096, 8192]) {
    map.collectMissing(Uint32Array.of(number), new Set());
    map.set(number, 1);
  }
  map.collectMissing(Uint32Array.of(0), new Set());
  map.evict(2);
  assert.deepEqual(map.pages.map((page) => page !== undefined), [true, false, true]);
});
