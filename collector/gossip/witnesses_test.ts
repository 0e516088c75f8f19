import assert from "node:assert/strict";
import { type Brought, Witnesses } from "./witnesses.ts";

const by = (nodeId: string, isValid = true): Brought => ({
  sourcePeer: { nodeId, askedUntil: 0 },
  isValid,
  isSeconded: false,
});

Deno.test("a message's second peer is told of once, the same peer never", () => {
  const witnesses = new Witnesses();
  witnesses.first(1, by("a"));
  assert.deepEqual(
    ["a", undefined, "b", "b", "c"].map((nodeId) => witnesses.again(1, nodeId)),
    [false, false, true, false, false],
  );
  assert.equal(witnesses.again(2, "b"), false);
  assert.equal(witnesses.size, 0);
});

Deno.test("a second peer that comes before the check is noted", () => {
  const witnesses = new Witnesses();
  const brought = by("a", false);
  witnesses.first(1, brought);
  assert.equal(witnesses.again(1, "b"), false);
  assert.equal(brought.isSeconded, true);
});

Deno.test("what is bad, and the oldest of too many, wait no longer", () => {
  const witnesses = new Witnesses(2);
  for (const number of [1, 2, 3]) witnesses.first(number, by("a"));
  witnesses.forget(2);
  assert.deepEqual([1, 2, 3].map((number) => witnesses.again(number, "b")), [false, false, true]);
});
