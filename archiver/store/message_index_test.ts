import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { randomInteger, seededRandom } from "../../shared/random.ts";
import { MessageIndex } from "./message_index.ts";

const sha256 = (n: number) => createHash("sha256").update(String(n)).digest();

Deno.test("messages are found by their whole hash", () => {
  const index = new MessageIndex(16, seededRandom(1));
  const hash = sha256(1);
  index.set(hash, 7);
  assert.equal(index.get(hash), 7);
  for (let i = 0; i < 32; i++) {
    const other = Uint8Array.from(hash);
    other[i] ^= 1;
    assert.equal(index.get(other), 0, `byte ${i} counts`);
  }
});

Deno.test("as many as its capacity, the last ones of use, are remembered for certain", () => {
  const capacity = 64;
  const index = new MessageIndex(capacity, seededRandom(2));
  const random = seededRandom(4);
  /** From the one longest out of use to the last one. */
  const used = new Set<number>();
  for (let step = 0; step < 5000; step++) {
    const n = 1 + randomInteger(random, 1 + Math.floor(step / 3));
    const certain = [...used].slice(-capacity).includes(n);
    const found = index.get(sha256(n));
    if (certain || found !== 0) assert.equal(found, n);
    if (found === 0) index.set(sha256(n), n);
    used.delete(n);
    used.add(n);
    if (used.size <= capacity) assert.equal(index.forgetful, false);
  }
  assert.equal(index.forgetful, true);
});

Deno.test("while it forgot nothing, it knows all", () => {
  const index = new MessageIndex(64, seededRandom(5));
  let n = 0;
  for (; !index.forgetful; n++) {
    for (let earlier = 0; earlier < n; earlier++) {
      if (!index.forgetful) assert.notEqual(index.get(sha256(earlier)), 0);
    }
    if (!index.forgetful) index.set(sha256(n), n + 1);
  }
  assert.ok(n > 64);
});

Deno.test("what is asked for again and again is not forgotten", () => {
  const index = new MessageIndex(64, seededRandom(3));
  index.set(sha256(0), 1);
  for (let n = 1; n <= 1000; n++) {
    index.set(sha256(n), n + 1);
    assert.equal(index.get(sha256(0)), 1);
  }
});
