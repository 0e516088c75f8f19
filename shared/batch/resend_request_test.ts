import assert from "node:assert/strict";
import fc from "fast-check";
import { BatchFault } from "./fault.ts";
import {
  decodeResendRequest,
  encodeResendRequest,
  MAX_RESEND_NUMBERS,
  MAX_RESEND_REQUEST_BYTES,
} from "./resend_request.ts";

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

Deno.test("any bytes and any JSON give a resend request or a fault", () => {
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 100, size: "max" }),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc.record({ epoch: fc.double(), messages: fc.array(fc.integer()), sessions: fc.anything() })
      .map(bytesOf),
  );
  fc.assert(fc.property(input, (bytes) => {
    try {
      decodeResendRequest(bytes);
    } catch (error) {
      if (!(error instanceof BatchFault)) throw error;
    }
  }));
});

Deno.test("a resend request comes back as it was, however long it may be", () => {
  const numbers = Array.from({ length: MAX_RESEND_NUMBERS }, (_, i) => 0xffff_ffff - i);
  const resend = { epoch: Number.MAX_SAFE_INTEGER, messages: numbers, sessions: numbers };
  assert.ok(encodeResendRequest(resend).length <= MAX_RESEND_REQUEST_BYTES);
  assert.deepEqual(decodeResendRequest(encodeResendRequest(resend)), resend);
  assert.throws(
    () => decodeResendRequest(encodeResendRequest({ ...resend, messages: [...numbers, 1] })),
    BatchFault,
  );
  assert.throws(
    () => decodeResendRequest(new Uint8Array(MAX_RESEND_REQUEST_BYTES + 1)),
    /too many|bytes/,
  );
});
