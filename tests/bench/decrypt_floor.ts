// The floor under a receipt: the two ChaCha20-Poly1305 decrypts that BOLT 8 asks for, and nothing else.

import { createCipheriv, createDecipheriv } from "node:crypto";
import { cpuUsage } from "node:process";
import { systemClock } from "../../shared/clock.ts";
import type { SimnetChild } from "../simnet/child.ts";
import { median } from "./figure.ts";

const CIPHER = "chacha20-poly1305";
const TAG = { authTagLength: 16 };
const MESSAGES = 20_000;
/** The real run's mean message. */
const MESSAGE_BYTES = 248;
/** How often the floor is measured during a run. */
const ROUNDS = 9;

/**
 * The floor, µs of CPU a message, measured beside a run that takes about so many seconds: a core that shares its caches
 * and its neighbour with others takes longer for the same work than an idle machine's does, for the floor as for what is
 * held against it.
 */
export async function floorMeanwhile(simnet: SimnetChild, seconds: number): Promise<number> {
  const rounds: number[] = [];
  while (simnet.finished() === null && rounds.length < ROUNDS) {
    await systemClock.sleep(seconds * 1000 / (ROUNDS + 1));
    rounds.push(twoDecryptsMicroseconds(MESSAGE_BYTES));
  }
  return median(rounds);
}

/** Microseconds of CPU for the decrypts of one message of `bytes`, over 20,000 of them. Does not give way meanwhile. */
function twoDecryptsMicroseconds(bytes: number): number {
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
