import assert from "node:assert/strict";
import fc from "fast-check";
import { ReconciliationFault } from "./fault.ts";
import { shortId, shortIds, sipHash, sipHashWord } from "./siphash.ts";

/** The key and messages of the paper's appendix A. */
const KEY = { k0: 0x0706050403020100n, k1: 0x0f0e0d0c0b0a0908n };
const message = (length: number) => Uint8Array.from({ length }, (_, i) => i);

const littleEndian = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);

Deno.test("SipHash-2-4 of the paper's message, and as OpenSSL has it for other lengths", () => {
  assert.equal(sipHash(KEY, message(15)), 0xa129ca6149be45e5n);
  const hashes = new Map([
    [0, "310e0edd47db6f72"],
    [1, "fd67dc93c539f874"],
    [7, "37d1018bf50002ab"],
    [8, "6224939a79f5f593"],
    [9, "b0e4a90bdf82009e"],
  ]);
  for (const [length, hash] of hashes) {
    assert.equal(littleEndian(sipHash(KEY, message(length))).toHex(), hash);
  }
});

Deno.test("a longer input that was hashed before leaves nothing behind", () => {
  sipHash(KEY, new Uint8Array(65_535).fill(255));
  assert.equal(sipHash(KEY, message(15)), 0xa129ca6149be45e5n);
  assert.throws(
    () => sipHash(KEY, new Uint8Array(65_536)),
    (error) => error instanceof ReconciliationFault && error.code === "too_large",
  );
});

Deno.test("short ids are 1 + hash mod 2^bits − 1, one by one and many at once", () => {
  const bits = fc.constantFrom(32, 40, 48, 64);
  fc.assert(fc.property(fc.array(fc.bigInt(0n, (1n << 64n) - 1n)), bits, (ids, bits) => {
    const range = (1n << BigInt(bits)) - 1n;
    const expected = ids.map((id) => 1n + sipHash(KEY, littleEndian(id)) % range);
    assert.deepEqual(ids.map((id) => 1n + sipHashWord(KEY, id) % range), expected);
    assert.deepEqual(ids.map((id) => shortId(KEY, littleEndian(id), bits)), expected);
    assert.deepEqual([...shortIds(KEY, BigUint64Array.from(ids), bits)], expected);
  }));
});

Deno.test("more ids than a chunk, and those of the caller stay", () => {
  const ids = BigUint64Array.from({ length: 20_000 }, (_, i) => BigInt(i));
  const short = shortIds(KEY, ids);
  for (const i of [0, 8191, 8192, 19_999]) {
    assert.equal(short[i], shortId(KEY, littleEndian(BigInt(i))));
    assert.equal(ids[i], BigInt(i));
  }
});
