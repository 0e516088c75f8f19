// Question 14: how often two of the window's messages share a short id. Pure.

import { type Random, randomInteger } from "../../../shared/random.ts";
import { type Table, tableOf } from "../../format/table.ts";
import { shortIds } from "../algorithms/siphash.ts";
import type { Recording } from "./recording.ts";

const BITS = [32, 40, 48, 64];
const SALTS = 50;
/** Messages hashed: 200 sorts of them take seconds. */
const MOST_IDS = 100_000;

/** Pairs of messages with one id: counted over salts, beside what chance gives. */
export function collisions({ id }: Recording, random: Random): Table {
  const ids = id.subarray(0, MOST_IDS), n = ids.length;
  const word = () =>
    BigInt(randomInteger(random, 2 ** 32)) << 32n | BigInt(randomInteger(random, 2 ** 32));
  const rows = BITS.map((bits) => {
    let found = 0;
    for (let salt = 0; salt < SALTS; salt++) {
      const hashed = shortIds({ k0: word(), k1: word() }, ids, bits).sort();
      for (let i = 1; i < n; i++) if (hashed[i] === hashed[i - 1]) found++;
    }
    return [bits, n, SALTS, found / SALTS, n * (n - 1) / 2 / 2 ** bits];
  });
  return tableOf("bits messages salts collisions_per_salt expected_per_salt", rows);
}
