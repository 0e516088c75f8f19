import assert from "node:assert/strict";
import fc from "fast-check";
import { BatchFault } from "./fault.ts";
import { decodeWant, encodeWant, MAX_WANT_BYTES, MAX_WANT_NUMBERS } from "./want.ts";

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

Deno.test("any bytes and any JSON give a want or a fault", () => {
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 100, size: "max" }),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc.record({ epoch: fc.double(), messages: fc.array(fc.integer()), sessions: fc.anything() })
      .map(bytesOf),
  );
  fc.assert(fc.property(input, (bytes) => {
    try {
      decodeWant(bytes);
    } catch (error) {
      if (!(error instanceof BatchFault)) throw error;
    }
  }));
});

Deno.test("a want comes back as it was, however long it may be", () => {
  const numbers = Array.from({ length: MAX_WANT_NUMBERS }, (_, i) => 0xffff_ffff - i);
  const want = { epoch: Number.MAX_SAFE_INTEGER, messages: numbers, sessions: numbers };
  assert.ok(encodeWant(want).length <= MAX_WANT_BYTES);
  assert.deepEqual(decodeWant(encodeWant(want)), want);
  assert.throws(() => decodeWant(encodeWant({ ...want, messages: [...numbers, 1] })), BatchFault);
  assert.throws(() => decodeWant(new Uint8Array(MAX_WANT_BYTES + 1)), /too many|bytes/);
});
