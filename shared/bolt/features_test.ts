import assert from "node:assert/strict";
import fc from "fast-check";
import { combineFeatures, featureBitmap, featureBits, hasBit, hasFeature } from "./features.ts";

const bits = fc.uniqueArray(fc.nat(300), { maxLength: 12 })
  .map((bits) => bits.toSorted((a, b) => a - b));

Deno.test("a bitmap holds just the bits it was made of, in the fewest bytes", () => {
  fc.assert(fc.property(bits, (bits) => {
    const bitmap = featureBitmap(bits);
    assert.deepEqual(featureBits(bitmap), bits);
    assert.notEqual(bitmap[0], 0);
    for (const bit of bits) assert(hasBit(bitmap, bit));
    assert(!hasBit(bitmap, 301));
  }));
});

Deno.test("or-ing bitmaps of any lengths unites their bits", () => {
  fc.assert(fc.property(bits, bits, (a, b) => {
    const united = [...new Set([...a, ...b])].sort((x, y) => x - y);
    assert.deepEqual(featureBits(combineFeatures(featureBitmap(a), featureBitmap(b))), united);
  }));
});

Deno.test("the bits that listeners offer are the known bytes", () => {
  assert.equal(featureBitmap([1, 7, 9, 11, 13, 15, 45]).toHex(), "20000000aa82");
});

Deno.test("either bit of a pair is the feature", () => {
  for (const set of [6, 7]) {
    const bitmap = featureBitmap([set]);
    for (const asked of [6, 7]) assert(hasFeature(bitmap, asked));
    for (const asked of [5, 8]) assert(!hasFeature(bitmap, asked));
  }
});

Deno.test("a bit that no message has room for is refused", () => {
  assert.equal(featureBitmap([65_535 * 8 - 1]).length, 65_535);
  for (const bit of [65_535 * 8, -1, 0.5, NaN]) {
    assert.throws(() => featureBitmap([bit]), { name: "BoltFault", code: "out_of_range" });
  }
});
