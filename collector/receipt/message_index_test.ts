import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../shared/random.ts";
import { MessageIndex } from "./message_index.ts";

/** Digests of few kinds, so that they meet again, share words, and probe into each other. */
const digest = fc.tuple(fc.nat(30), fc.nat(1)).map(([word, last]) =>
  Uint32Array.from({ length: 8 }, (_, i) => i === 7 ? last : word)
);

Deno.test("a message keeps its number until so many newer ones came, whatever its digest", () => {
  fc.assert(
    fc.property(fc.array(digest, { maxLength: 200, size: "max" }), fc.nat(), (digests, seed) => {
      const index = new MessageIndex(4, seededRandom(seed));
      const model = new Map<string, number>();
      for (const [at, digest] of digests.entries()) {
        const key = digest.join();
        const expected = model.get(key) ?? -1;
        const found = index.find(digest);
        assert.equal(found, expected >= index.oldest ? expected : -1, `digest ${at}`);
        if (found < 0) model.set(key, index.add(digest));
      }
      assert.equal(index.oldest, Math.max(0, index.next - 16));
    }),
  );
});
