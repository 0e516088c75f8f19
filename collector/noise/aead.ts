// ChaCha20-Poly1305 (RFC 8439) with BOLT 8's nonces: on WebAssembly, and on native code for long messages. Each
// native call makes a stream and three buffers, which cost more than the cipher's work on a message.

import { newInstance } from "@chainsafe/as-chacha20poly1305";
import { createCipheriv, createDecipheriv } from "node:crypto";

export const TAG_BYTES = 16;

const ALGORITHM = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_BYTES };
/** Up to this length WebAssembly is faster; nearly all gossip is shorter. */
const SHORT_BYTES = 1024;
/** The longest associated data that WebAssembly takes: a SHA-256. */
const ASSOCIATED_BYTES = 32;

const wasm = newInstance();
const at = (pointer: { value: number }, length: number) =>
  new Uint8Array(wasm.memory.buffer, pointer.value, length);
const wasmKey = at(wasm.cpKey, 32);
const wasmNonce = at(wasm.cpNonce, 12);
const wasmAssociated = at(wasm.cpAssociatedData, ASSOCIATED_BYTES);
const wasmInput = at(wasm.cpInput, SHORT_BYTES);
const wasmOutput = at(wasm.chacha20Output, SHORT_BYTES);
/** Views by length: a new one per message would be half of the garbage. */
const wasmOutputs: Uint8Array[] = [];
const wasmTag = at(wasm.poly1305Output, TAG_BYTES);
const NOTHING = new Uint8Array(0);

/** A nonce: 32 zero bits, then a little-endian 64-bit counter, of which BOLT 8 needs the lowest 10 bits. */
export class Nonce {
  /** Changes with the counter. */
  readonly bytes: Uint8Array = new Uint8Array(12);
  #counter: number;

  /** At most 65535. */
  constructor(counter = 0) {
    this.#counter = counter;
    this.#write();
  }

  get counter(): number {
    return this.#counter;
  }

  advance(): void {
    this.#counter++;
    this.#write();
  }

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
  associated: Uint8Array = NOTHING,
): void {
  const { length } = plaintext;
  if (isShort(length, associated)) {
    prepare(key, nonce, plaintext, associated);
    wasm.sealUpdate(true, true, length, length, associated.length);
    target.set(wasmOutputs[length] ??= wasmOutput.subarray(0, length), at);
    target.set(wasmTag, at + length);
    return;
  }
  const cipher = createCipheriv(ALGORITHM, key, nonce.bytes, OPTIONS);
  cipher.setAAD(associated, { plaintextLength: length });
  target.set(cipher.update(plaintext), at);
  cipher.final();
  target.set(cipher.getAuthTag(), at + length);
}

/**
 * Decrypts `bytes` from `start` to `end`, tag included, in place. Null, and nothing changed, when the tag does not
 * match.
 */
export function open(
  key: Uint8Array,
  nonce: Nonce,
  bytes: Uint8Array,
  start: number,
  end: number,
  associated: Uint8Array = NOTHING,
): Uint8Array | null {
  const tagAt = end - TAG_BYTES;
  const length = tagAt - start;
  const text = bytes.subarray(start, tagAt);
  if (isShort(length, associated)) {
    prepare(key, nonce, text, associated);
    wasm.openUpdate(true, true, length, length, associated.length);
    if (!isTagAt(bytes, tagAt)) return null;
    text.set(wasmOutputs[length] ??= wasmOutput.subarray(0, length));
    return text;
  }
  const decipher = createDecipheriv(ALGORITHM, key, nonce.bytes, OPTIONS);
  decipher.setAuthTag(bytes.subarray(tagAt, end));
  decipher.setAAD(associated, { plaintextLength: length });
  const plaintext = decipher.update(text);
  try {
    decipher.final();
  } catch {
    return null;
  }
  text.set(plaintext);
  return text;
}

/** The big-endian number in two encrypted bytes at `start`; −1 when their tag does not match. */
export function openUint16(
  key: Uint8Array,
  nonce: Nonce,
  bytes: Uint8Array,
  start: number,
): number {
  wasmKey.set(key);
  wasmNonce.set(nonce.bytes);
  wasmInput[0] = bytes[start];
  wasmInput[1] = bytes[start + 1];
  wasm.openUpdate(true, true, 2, 2, 0);
  return isTagAt(bytes, start + 2) ? wasmOutput[0] << 8 | wasmOutput[1] : -1;
}

/** Compares the whole tag: constant time. */
function isTagAt(bytes: Uint8Array, tagAt: number): boolean {
  let difference = 0;
  for (let i = 0; i < TAG_BYTES; i++) difference |= wasmTag[i] ^ bytes[tagAt + i];
  return difference === 0;
}

function isShort(length: number, associated: Uint8Array): boolean {
  return length <= SHORT_BYTES && associated.length <= ASSOCIATED_BYTES;
}

function prepare(key: Uint8Array, nonce: Nonce, text: Uint8Array, associated: Uint8Array): void {
  wasmKey.set(key);
  wasmNonce.set(nonce.bytes);
  wasmInput.set(text);
  if (associated.length > 0) wasmAssociated.set(associated);
}
