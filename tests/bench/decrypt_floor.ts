/**
 * The floor under a receipt: the two ChaCha20-Poly1305 decrypts that BOLT 8 asks for, and nothing else.
 *
 * @module
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { cpuUsage } from "node:process";

const CIPHER = "chacha20-poly1305";
const TAG = { authTagLength: 16 };
const MESSAGES = 20_000;

/** Microseconds of CPU for the decrypts of one message of `bytes`, over 20,000 of them. Does not give way meanwhile. */
export function twoDecryptsMicroseconds(bytes: number): number {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const nonce = new Uint8Array(12);
  const seal = (plain: Uint8Array) => {
    const cipher = createCipheriv(CIPHER, key, nonce, TAG);
    const text = cipher.update(plain);
    cipher.final();
    return { text, tag: cipher.getAuthTag() };
  };
  const open = ({ text, tag }: ReturnType<typeof seal>) => {
    const decipher = createDecipheriv(CIPHER, key, nonce, TAG);
    decipher.setAuthTag(tag);
    const plain = decipher.update(text);
    decipher.final();
    return plain;
  };
  const length = seal(new Uint8Array(2)), body = seal(new Uint8Array(bytes));
  const before = cpuUsage();
  for (let i = 0; i < MESSAGES; i++) {
    open(length);
    open(body);
  }
  const { user, system } = cpuUsage(before);
  return (user + system) / MESSAGES;
}
