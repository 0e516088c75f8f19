import assert from "node:assert/strict";
import { HeldUpdates } from "./held_updates.ts";

const update = (timestamp: number, bytes = 10) => ({
  raw: new Uint8Array(bytes),
  signer: "02",
  timestamp,
});

Deno.test("the newest update of each direction waits for its channel", () => {
  const held = new HeldUpdates({ count: 10, bytes: 1000 });
  assert.ok(held.put(5n, 0, update(100)));
  assert.ok(!held.put(5n, 0, update(100)), "as new");
  assert.ok(held.put(5n, 0, update(101)));
  assert.ok(held.put(5n, 1, update(7)));
  assert.deepEqual(held.take(6n), []);
  assert.deepEqual(held.take(5n).map(({ timestamp }) => timestamp), [101, 7]);
  assert.deepEqual([held.take(5n), held.size, held.dropped], [[], 0, 0]);
});

Deno.test("the oldest makes room, by number and by bytes, and is counted", () => {
  const held = new HeldUpdates({ count: 3, bytes: 100 });
  for (const scid of [1n, 2n, 3n, 4n]) held.put(scid, 0, update(1));
  assert.deepEqual([held.size, held.dropped], [3, 1]);
  held.put(5n, 0, update(1, 85));
  assert.deepEqual([held.size, held.dropped], [2, 3]);
  assert.deepEqual([1n, 2n, 3n, 4n, 5n].map((scid) => held.take(scid).length), [0, 0, 0, 1, 1]);
});

Deno.test("what is held does not change with the buffer it came in", () => {
  const held = new HeldUpdates({ count: 3, bytes: 100 });
  const sent = update(1);
  held.put(1n, 0, sent);
  sent.raw.fill(9);
  assert.deepEqual(held.take(1n)[0].raw, new Uint8Array(10));
});
