import assert from "node:assert/strict";
import fc from "fast-check";
import { BoltFault } from "./fault.ts";
import { parseScid, scidOf, scidParts, scidText } from "./scid.ts";

Deno.test("a scid, its parts and its text mean the same, signed or unsigned", () => {
  fc.assert(fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (scid) => {
    assert.equal(scidOf(scidParts(scid)), scid);
    assert.equal(parseScid(scidText(scid)), scid);
    assert.equal(scidText(BigInt.asIntN(64, scid)), scidText(scid));
  }));
});

Deno.test("the parts are where BOLT 7 puts them", () => {
  const scid = 863846n << 40n | 913n << 16n | 104n;
  assert.equal(parseScid("863846x913x104"), scid);
  assert.deepEqual(scidParts(scid), { block: 863846, transaction: 913, output: 104 });
});

Deno.test("any text is a scid or a refusal", () => {
  const parts = fc.array(fc.oneof(fc.nat(99_999_999).map(String), fc.string({ maxLength: 4 })), {
    minLength: 2,
    maxLength: 4,
  }).map((parts) => parts.join("x"));
  fc.assert(fc.property(fc.oneof(fc.string(), parts), (text) => {
    try {
      const scid = parseScid(text);
      assert(scid >= 0n && scid < 2n ** 64n);
    } catch (error) {
      assert(error instanceof BoltFault);
    }
  }));
});

Deno.test("text that is not an scid is refused with an example of one", () => {
  for (const text of ["", "1x2", "1x2x3x4", "-1x2x3", "1:2:3", " 1x2x3", "1x2x3\n"]) {
    assert.throws(() => parseScid(text), { code: "bad_text", message: /863846x913x104/ });
  }
  for (const text of ["16777216x0x0", "0x16777216x0", "0x0x65536"]) {
    assert.throws(() => parseScid(text), { code: "out_of_range" });
  }
});
