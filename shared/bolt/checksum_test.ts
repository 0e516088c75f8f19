import assert from "node:assert/strict";
import fc from "fast-check";
import { crc32c } from "./checksum.ts";

Deno.test("the checksums of RFC 3720 appendix B.4 come out", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(ascending.toReversed()), 0x113fdb5c);
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

Deno.test("a checksum taken in two parts is that of the whole", () => {
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
    assert.equal(crc32c(b, crc32c(a)), crc32c(Uint8Array.of(...a, ...b)));
  }));
});
