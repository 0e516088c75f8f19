import assert from "node:assert/strict";
import fc from "fast-check";
import { Repeats } from "./repeats.ts";

Deno.test("a delivery is a repeat exactly when the same peer made it before", () => {
  const delivery = fc.record({ peer: fc.nat(39), message: fc.nat(9) });
  fc.assert(fc.property(fc.array(delivery, { maxLength: 200, size: "max" }), (deliveries) => {
    const repeats = new Repeats({ messagesLog2: 4, peers: 64 });
    for (let message = 0; message < 10; message++) repeats.add(message);
    const columns = Array.from({ length: 40 }, (_, peer) => repeats.open(`peer ${peer}`));
    const made = new Set<string>();
    for (const { peer, message } of deliveries) {
      const key = `${peer}/${message}`;
      assert.equal(repeats.mark(message, columns[peer]), made.has(key));
      made.add(key);
    }
  }));
});

Deno.test("messages past the limit are forgotten without a trace", () => {
  const repeats = new Repeats({ messagesLog2: 2, peers: 32 });
  const column = repeats.open("a");
  for (let message = 0; message < 4; message++) repeats.add(message);
  assert.equal(repeats.mark(0, column), false);
  assert.equal(repeats.mark(0, column), true);
  repeats.add(4);
  assert.equal(repeats.mark(4, column), false, "message 4 took the place of message 0");
  assert.equal(repeats.mark(0, column), false);
  assert.equal(repeats.mark(4, column), true);
  assert.equal(repeats.untracked, 1, "the last of message 0");
});

Deno.test("a peer that comes back is known; one too many takes the place of the longest gone", () => {
  const repeats = new Repeats({ messagesLog2: 2, peers: 32 });
  repeats.add(0);
  const columns = Array.from({ length: 32 }, (_, i) => repeats.open(`peer ${i}`));
  columns.forEach((column) => repeats.mark(0, column));
  assert.equal(repeats.open("peer 32"), -1, "all places are taken by peers that are there");
  assert.equal(repeats.mark(0, -1), false);
  assert.equal(repeats.mark(0, -1), false);
  assert.equal(repeats.untracked, 2);

  repeats.close("peer 5");
  repeats.close("peer 4");
  assert.equal(repeats.open("peer 4"), columns[4]);
  assert.equal(repeats.mark(0, columns[4]), true);
  assert.equal(repeats.open("peer 32"), columns[5]);
  assert.equal(repeats.mark(0, columns[5]), false, "it did not deliver what peer 5 had");
  assert.equal(repeats.mark(0, columns[6]), true);
  assert.equal(repeats.open("peer 5"), -1);
});

Deno.test("a peer with two sessions is there until both end", () => {
  const repeats = new Repeats({ messagesLog2: 2, peers: 32 });
  for (let i = 0; i < 32; i++) repeats.open(`peer ${i}`);
  assert.equal(repeats.open("peer 0"), 0);
  repeats.close("peer 0");
  assert.equal(repeats.open("peer 32"), -1);
  repeats.close("peer 0");
  assert.equal(repeats.open("peer 32"), 0);
});
