/**
 * ChaCha20-Poly1305 (RFC 8439) with BOLT 8's nonces: on native code, and on WebAssembly for what is short. Each native
 * call makes a stream and three buffers, which costs more than the cipher's work on a frame's two length bytes.
 *
 * @module
 */
import { ChaCha20Poly1305, newInstance } from "@chainsafe/as-chacha20poly1305";
import { createCipheriv, createDecipheriv } from "node:crypto";

/** Bytes of a Poly1305 tag. */
export const TAG_BYTES = 16;

const ALGORITHM = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_BYTES };
/** Up to this many bytes of plaintext, WebAssembly is the faster: a length 4 times, a channel_update about as fast. */
const SHORT_BYTES = 256;
/** Its tag comparison is not constant in time, which tells nothing here: a wrong tag ends the connection and its keys. */
const short = new ChaCha20Poly1305(newInstance());

/** A nonce: 32 zero bits, then a little-endian 64-bit counter, of which BOLT 8 needs the lowest 10 bits. */
export class Nonce {
  /** The nonce as the cipher takes it; changes with the counter. */
  readonly bytes: Uint8Array = new Uint8Array(12);
  #counter: number;

  /** Begins at `counter`, at most 65535. */
  constructor(counter = 0) {
    this.#counter = counter;
    this.#write();
  }

  /** How many have been used. */
  get counter(): number {
    return this.#counter;
  }

  /** Goes on to the next one. */
  advance(): void {
    this.#counter++;
    this.#write();
  }

  /** Goes back to 0, for a new key. */
  reset(): void {
    this.#counter = 0;
    this.#write();
  }

  #write(): void {
    this.bytes[4] = this.#counter & 0xff;
    this.bytes[5] = this.#counter >>> 8;
  }
}

/** Encrypts `plaintext` into `target` from `at` on: as many bytes, then the tag. */
export function seal(
  key: Uint8Array,
  nonce: Nonce,
  plaintext: Uint8Array,
  target: Uint8Array,
  at: number,
  associated?: Uint8Array,
): void {
  if (plaintext.length <= SHORT_BYTES && !associated) {
    short.seal(
      key,
      nonce.bytes,
      plaintext,
      undefined,
      target.subarray(at, at + plaintext.length + TAG_BYTES),
    );
    return;
  }
  const cipher = createCipheriv(ALGORITHM, key, nonce.bytes, OPTIONS);
  if (associated) cipher.setAAD(associated, { plaintextLength: plaintext.length });
  target.set(cipher.update(plaintext), at);
  cipher.final();
  target.set(cipher.getAuthTag(), at + plaintext.length);
}

/**
 * Decrypts what stands in `source` from `start` to `end`, tag included, into fresh memory; null when the tag does not
 * fit.
 */
export function open(
  key: Uint8Array,
  nonce: Nonce,
  source: Uint8Array,
  start: number,
  end: number,
  associated?: Uint8Array,
): Uint8Array | null {
  const tagAt = end - TAG_BYTES;
  if (tagAt - start <= SHORT_BYTES && !associated) {
    return short.open(key, nonce.bytes, source.subarray(start, end));
  }
  const decipher = createDecipheriv(ALGORITHM, key, nonce.bytes, OPTIONS);
  decipher.setAuthTag(source.subarray(tagAt, end));
  if (associated) decipher.setAAD(associated, { plaintextLength: tagAt - start });
  const plaintext = decipher.update(source.subarray(start, tagAt));
  try {
    decipher.final();
  } catch {
    return null;
  }
  // Not a Buffer, whose `slice` would not copy.
  return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
}
