import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { BatchFault } from "./fault.ts";
import { inflate, inflateInScript } from "./inflate.ts";

/** What one of them makes of it; a fault as its code. */
function outcome(
  how: (packed: Uint8Array, length: number) => Uint8Array,
  packed: Uint8Array,
  length: number,
): number[] | string {
  try {
    return [...how(packed, length)];
  } catch (error) {
    assert.ok(error instanceof BatchFault, String(error));
    return error.code;
  }
}

const body = fc.uint8Array({ maxLength: 300 });

Deno.test("what was deflated is inflated, natively and in JavaScript", () => {
  fc.assert(fc.property(body, body, (bytes, trailing) => {
    const packed = new Uint8Array([...deflateRawSync(bytes), ...trailing]);
    assert.deepEqual([...inflate(packed, bytes.length)], [...bytes]);
    assert.deepEqual([...inflateInScript(packed, bytes.length)], [...bytes]);
  }));
});

Deno.test("any bytes and any length give the same natively and in JavaScript", () => {
  // Far more failures than the native one is allowed: both of its lives are met.
  fc.assert(
    fc.property(body, fc.nat(400), fc.boolean(), (bytes, length, isDeflated) => {
      const packed = isDeflated ? deflateRawSync(bytes) : bytes;
      assert.deepEqual(outcome(inflate, packed, length), outcome(inflateInScript, packed, length));
    }),
    { numRuns: 2000 },
  );
});
