import { deepEqual, equal } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { Nonce, open, openUint16, seal, TAG_BYTES } from "./aead.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Also both sides of the length at which the implementation changes. */
const plaintexts = fc.oneof(
  fc.uint8Array({ maxLength: 1200, size: "max" }),
  bytes(2),
  bytes(1024),
  bytes(1025),
);

/** What OpenSSL's ChaCha20-Poly1305 makes of it. */
function native(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_BYTES });
  return new Uint8Array([...cipher.update(plaintext), ...cipher.final(), ...cipher.getAuthTag()]);
}

Deno.test("short and long plaintexts are sealed alike, and opened again", () => {
  fc.assert(fc.property(bytes(32), fc.nat(65_535), plaintexts, (key, counter, plaintext) => {
    const nonce = new Nonce(counter);
    const sealed = new Uint8Array(3 + plaintext.length + TAG_BYTES);
    seal(key, nonce, plaintext, sealed, 3);
    deepEqual(sealed.subarray(3), native(key, nonce.bytes, plaintext));
    deepEqual(open(key, nonce, sealed, 3, sealed.length), plaintext);
    deepEqual(sealed.subarray(3, 3 + plaintext.length), plaintext);
  }));
});

Deno.test("one changed bit anywhere is refused", () => {
  fc.assert(fc.property(bytes(32), plaintexts, fc.nat(), (key, plaintext, at) => {
    const nonce = new Nonce();
    const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
    seal(key, nonce, plaintext, sealed, 0);
    sealed[at % sealed.length] ^= 1 << (at >> 3) % 8;
    const before = sealed.slice();
    equal(open(key, nonce, sealed, 0, sealed.length), null);
    deepEqual(sealed, before);
  }));
});

Deno.test("two bytes are opened as a number, or refused when any bit was changed", () => {
  fc.assert(fc.property(bytes(32), fc.nat(65_535), fc.nat(), (key, value, at) => {
    const nonce = new Nonce(7);
    const sealed = new Uint8Array(1 + 2 + TAG_BYTES);
    seal(key, nonce, new Uint8Array([value >>> 8, value]), sealed, 1);
    equal(openUint16(key, nonce, sealed, 1), value);
    sealed[1 + at % 18] ^= 1 << (at >> 5) % 8;
    equal(openUint16(key, nonce, sealed, 1), -1);
  }));
});
