import assert from "node:assert/strict";
import fc from "fast-check";
import type { GossipFacts } from "../bolt/facts.ts";
import { decodeDigest, encodeDigest } from "./digest.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const facts: fc.Arbitrary<GossipFacts> = fc.record<GossipFacts>({
  type: fc.integer({ min: 0, max: 65_535 }),
  size: fc.integer({ min: 0, max: 65_535 }),
  scid: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  direction: fc.option(fc.constantFrom<0 | 1>(0, 1)),
  nodeId: fc.option(bytes(33).map((id) => id.toHex())),
  ownTimestamp: fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  innerId: fc.option(bytes(16)),
}, { noNullPrototype: true });

Deno.test("a digest is read as it was written", () => {
  fc.assert(fc.property(facts, bytes(32), (facts, sha256) => {
    assert.deepEqual(decodeDigest(encodeDigest({ sha256, facts })), { sha256, facts });
  }));
});

Deno.test("bytes of another length, type or kind are no digest", () => {
  const digest = encodeDigest({
    sha256: new Uint8Array(32),
    facts: {
      type: 258,
      size: 138,
      scid: 7n,
      direction: 1,
      nodeId: null,
      ownTimestamp: 9,
      innerId: null,
    },
  });
  assert.equal(decodeDigest(digest.subarray(1)), null);
  assert.equal(decodeDigest(Uint8Array.of(...digest, 0)), null);
  for (const [at, value] of [[0, 1], [2, 1], [3, 255], [38, 1]]) {
    assert.equal(decodeDigest(digest.with(at, value)), null, String(at));
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
    assert.ok(decodeDigest(bytes) === null || bytes.length >= 42);
  }));
});
