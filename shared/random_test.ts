import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { randomInteger, seededRandom, shuffled, systemRandom } from "./random.ts";

const take = (seed: string | number, n: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => random.next());
};

Deno.test("equal seeds give equal sequences, other seeds others", () => {
  deepEqual(take(7, 20), take("7", 20));
  notDeepEqual(take(7, 20), take(8, 20));
});

Deno.test("numbers lie in [0, 1) and fill it evenly", () => {
  for (const random of [seededRandom("even"), systemRandom]) {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) tenths[Math.floor(random.next() * 10)]++;
    // 2000 expected in each; 5 standard deviations are 212.
    for (const count of tenths) ok(Math.abs(count - 2000) < 250, `${tenths}`);
  }
});

Deno.test("shuffling keeps every item and leaves the input as it was", () => {
  const items = Array.from({ length: 100 }, (_, i) => i);
  const mixed = shuffled(items, seededRandom(1));
  notDeepEqual(mixed, items);
  deepEqual(mixed.toSorted((a, b) => a - b), items);
});

Deno.test("randomInteger reaches both ends and no further", () => {
  const random = seededRandom("ends");
  const seen = new Set(Array.from({ length: 1000 }, () => randomInteger(random, 4)));
  equal([...seen].sort().join(), "0,1,2,3");
});
