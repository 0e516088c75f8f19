import assert from "node:assert/strict";
import { randomInteger, seededRandom } from "../../shared/random.ts";
import { KeyFilter } from "./key_filter.ts";

const WORDS = 2 ** 32;

Deno.test("all that was added may be there, and little else", () => {
  const random = seededRandom(1);
  const key = () => [randomInteger(random, WORDS), randomInteger(random, WORDS)] as const;
  const entries = 2 ** 20;
  const filter = new KeyFilter(entries);
  assert.equal(filter.bytes, 2 ** 21);
  const added = Array.from({ length: entries }, key);
  for (const [high, low] of added) filter.add(high, low);
  assert.ok(added.every(([high, low]) => filter.mayHave(high, low)));
  let wrong = 0;
  for (let i = 0; i < 100_000; i++) if (filter.mayHave(...key())) wrong++;
  assert.ok(wrong < 300, `${wrong} of 100,000`);
});

Deno.test("it is never larger than 64 MiB", () => {
  const largest = new KeyFilter(1e12);
  assert.equal(largest.bytes, 64 * 1024 ** 2);
  assert.ok(largest.isGoodFor(1e12));
});

Deno.test("it says for how many it is good", () => {
  const filter = new KeyFilter(1);
  assert.ok(filter.isGoodFor(2 ** 20));
  assert.ok(!filter.isGoodFor(2 ** 20 + 1));
});
