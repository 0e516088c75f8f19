import assert from "node:assert/strict";
import { ChannelKeys } from "./verify.ts";

Deno.test("a scid keeps the first four pairs of nodes that announce it", () => {
  const keys = new ChannelKeys();
  assert.deepEqual(keys.get(1n), []);
  assert.ok(keys.add(1n, ["a", "b"]));
  assert.ok(!keys.add(1n, ["a", "b"]), "nothing new");
  for (const node of ["c", "d", "e"]) assert.ok(keys.add(1n, ["a", node]));
  assert.ok(!keys.add(1n, ["a", "f"]));
  assert.deepEqual(keys.get(1n), [["a", "b"], ["a", "c"], ["a", "d"], ["a", "e"]]);
});

Deno.test("when all places are taken the channel announced first makes room", () => {
  const keys = new ChannelKeys(2);
  for (const scid of [1n, 2n, 3n]) keys.add(scid, ["a", "b"]);
  assert.equal(keys.size, 2);
  assert.deepEqual([1n, 2n, 3n].map((scid) => keys.get(scid).length), [0, 1, 1]);
});
