import { createHash, hkdfSync } from "node:crypto";
import { Nonce, open, seal, TAG_BYTES } from "./aead.ts";

/** `zero`: a zero-length plaintext. */
export const ZERO: Uint8Array = new Uint8Array(0);

/** `HKDF(salt, ikm)`: RFC 5869 with SHA-256 and no info; its 64 bytes as two keys. */
export function hkdf(salt: Uint8Array, ikm: Uint8Array): [Uint8Array, Uint8Array] {
  const out = new Uint8Array(hkdfSync("sha256", ikm, salt, ZERO, 64));
  return [out.subarray(0, 32), out.subarray(32)];
}

/** `SHA-256(a || b)`. */
export function sha256(a: Uint8Array, b: Uint8Array = ZERO): Uint8Array {
  return createHash("sha256").update(a).update(b).digest();
}

/** `encryptWithAD(k, n, ad, plaintext)`: the ciphertext, then its tag. */
export function encryptWithAD(
  k: Uint8Array,
  n: number,
  ad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const ciphertext = new Uint8Array(plaintext.length + TAG_BYTES);
  seal(k, new Nonce(n), plaintext, ciphertext, 0, ad);
  return ciphertext;
}

/** `decryptWithAD(k, n, ad, ciphertext)`; null when the tag does not match. */
export function decryptWithAD(
  k: Uint8Array,
  n: number,
  ad: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | null {
  const opened = ciphertext.slice();
  return open(k, new Nonce(n), opened, 0, opened.length, ad);
}
