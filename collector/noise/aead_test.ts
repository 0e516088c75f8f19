import { deepEqual, equal } from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { Nonce, open, seal, TAG_BYTES } from "./aead.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Both sides of the length at which the implementation changes, and 512, at which WebAssembly takes a second chunk. */
const plaintexts = fc.oneof(
  fc.uint8Array({ maxLength: 600, size: "max" }),
  bytes(2),
  bytes(256),
  bytes(257),
  bytes(513),
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
  }));
});

Deno.test("one changed bit anywhere is refused", () => {
  fc.assert(fc.property(bytes(32), plaintexts, fc.nat(), (key, plaintext, at) => {
    const nonce = new Nonce();
    const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
    seal(key, nonce, plaintext, sealed, 0);
    sealed[at % sealed.length] ^= 1 << (at >> 3) % 8;
    equal(open(key, nonce, sealed, 0, sealed.length), null);
  }));
});
