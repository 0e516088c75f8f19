import assert from "node:assert/strict";
import fc from "fast-check";
import { RecentTexts } from "./recent_texts.ts";

const CAPACITY = 256;
const COUNT_LOG2 = 4;

Deno.test("a kept text is the text that was added, and the newest are kept", () => {
  const text = fc.uint8Array({ minLength: 1, maxLength: 100, size: "max" });
  fc.assert(fc.property(fc.array(text, { maxLength: 80, size: "max" }), (texts) => {
    const recent = new RecentTexts(CAPACITY, COUNT_LOG2);
    for (const [number, added] of texts.entries()) {
      recent.add(number, added);
      const kept = texts.slice(0, number + 1).map((_, i) => recent.get(i));
      const oldest = kept.findIndex((text) => text !== null);
      for (const [i, text] of kept.entries()) {
        assert.equal(text === null, i < oldest);
        if (text !== null) assert.deepEqual(text, texts[i]);
      }
      // What is gone had to go: with it, the ring or the count would be too small.
      const bytes = texts.slice(Math.max(0, oldest - 1), number + 1).reduce(
        (n, t) => n + t.length,
        0,
      );
      const gap = 100;
      assert.ok(oldest === 0 || bytes > CAPACITY - gap || number - oldest + 1 === 2 ** COUNT_LOG2);
      assert.equal(recent.get(number + 1), null);
      assert.equal(recent.find(added), number);
    }
  }));
});

Deno.test("a text is found by all of its bytes or not at all", () => {
  const alike = fc.uint8Array({ minLength: 10, maxLength: 14, max: 1 });
  fc.assert(fc.property(fc.array(alike, { minLength: 1, maxLength: 15 }), alike, (texts, other) => {
    const recent = new RecentTexts(CAPACITY, COUNT_LOG2);
    texts.forEach((text, number) => recent.add(number, text));
    const found = recent.find(other);
    if (found >= 0) assert.deepEqual(texts[found], other);
    recent.guess(0, texts[0]);
    assert.equal(recent.find(texts[0]), 0);
  }));
});
