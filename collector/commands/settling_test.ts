import assert from "node:assert/strict";
import { Settling } from "./fill_graph.ts";

const SECOND = 1_000_000;

/** At which second it has settled, of looks a second apart; −1 for never. */
function settlesAt(sizes: readonly number[], busy: (second: number) => boolean = () => false) {
  const settling = new Settling(5000);
  return sizes.findIndex((size, second) => settling.look(size, busy(second), second * SECOND));
}

const steady = (size: number) => Array<number>(10).fill(size);

Deno.test("a graph has settled when nothing came for a while", () => {
  assert.equal(settlesAt([1, 2, 3, ...steady(3)]), 2 + 5);
  assert.equal(settlesAt([1, 2, 3, ...steady(3), ...steady(4)]), 7);
  assert.equal(settlesAt(Array.from({ length: 100 }, (_, i) => i)), -1);
});

Deno.test("news do not keep a large one from it, and neither pruning", () => {
  assert.equal(settlesAt(Array.from({ length: 10 }, (_, i) => 100_000 + i)), 5);
  assert.equal(
    settlesAt(Array.from({ length: 20 }, (_, i) => 100_000 + 101 * (i % 2) + 202 * i)),
    -1,
  );
  assert.equal(settlesAt(Array.from({ length: 10 }, (_, i) => 100_000 - 1000 * i)), 5);
});

Deno.test("an empty one never has, nor one that more waits for", () => {
  assert.equal(settlesAt(steady(0)), -1);
  assert.equal(settlesAt([...steady(3), ...steady(3)], (second) => second < 7), 6 + 5);
});
