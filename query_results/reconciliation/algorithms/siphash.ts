// SipHash-2-4 (Aumasson and Bernstein, 2012) and the salted short ids made of it (BIP 330).

import { assemble } from "./assemble.ts";
import { refuse } from "./fault.ts";

/** A key of two 64-bit words. */
export interface SipKey {
  readonly k0: bigint;
  readonly k1: bigint;
}

/** Ids copied into WebAssembly at a time: one page. */
const CHUNK = 8192;

const state = (name: string) => `(local.get $${name})`;
const add = (a: string, b: string) => `(local.set $${a} (i64.add ${state(a)} ${state(b)}))`;
const turn = (a: string, by: number) =>
  `(local.set $${a} (i64.rotl ${state(a)} (i64.const ${by})))`;
const mix = (a: string, value: string) => `(local.set $${a} (i64.xor ${state(a)} ${value}))`;
/** Half a round of SipHash on (a, b) and (c, d). */
const half = (a: string, b: string, by: number, c: string, d: string, dBy: number) =>
  [add(a, b), turn(b, by), mix(b, state(a)), turn(a, 32)].join(" ") + "\n" +
  [add(c, d), turn(d, dBy), mix(d, state(c))].join(" ");
const round = half("v0", "v1", 13, "v2", "v3", 16) + "\n" + half("v2", "v1", 17, "v0", "v3", 21);

const { memory, hash, shortIds: shortIdsOf } = assemble(
  "siphash.wat",
  `(module
  (memory (export "memory") 2)

  ;; Hashes $length bytes at $at. The last word holds the rest of them and the length.
  (func $hash (export "hash") (param $k0 i64) (param $k1 i64) (param $at i32) (param $length i32)
    (result i64) (local $v0 i64) (local $v1 i64) (local $v2 i64) (local $v3 i64)
    (local $last i32) (local $m i64)
    (local.set $v0 (i64.xor (local.get $k0) (i64.const 0x736f6d6570736575)))
    (local.set $v1 (i64.xor (local.get $k1) (i64.const 0x646f72616e646f6d)))
    (local.set $v2 (i64.xor (local.get $k0) (i64.const 0x6c7967656e657261)))
    (local.set $v3 (i64.xor (local.get $k1) (i64.const 0x7465646279746573)))
    (local.set $last (i32.add (local.get $at) (i32.and (local.get $length) (i32.const -8))))
    (loop $word
      (local.set $m (i64.load (local.get $at)))
      (if (i32.eq (local.get $at) (local.get $last)) (then
        (local.set $m (i64.or
          (i64.and (local.get $m) (i64.sub (i64.shl (i64.const 1)
            (i64.extend_i32_u (i32.shl (i32.and (local.get $length) (i32.const 7)) (i32.const 3))))
            (i64.const 1)))
          (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 56))))))
      ${mix("v3", state("m"))} ${round} ${round} ${mix("v0", state("m"))}
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $word (i32.le_u (local.get $at) (local.get $last))))
    ${mix("v2", "(i64.const 0xff)")} ${round} ${round} ${round} ${round}
    (i64.xor (i64.xor ${state("v0")} ${state("v1")}) (i64.xor ${state("v2")} ${state("v3")})))

  ;; Replaces each of $n words by 1 + hash mod $range.
  (func (export "shortIds") (param $k0 i64) (param $k1 i64) (param $at i32) (param $n i32)
    (param $range i64)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $n)))
      (i64.store (local.get $at) (i64.add (i64.const 1) (i64.rem_u
        (call $hash (local.get $k0) (local.get $k1) (local.get $at) (i32.const 8))
        (local.get $range))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $next)))))`,
) as unknown as {
  memory: { buffer: ArrayBuffer };
  hash(k0: bigint, k1: bigint, at: number, length: number): bigint;
  shortIds(k0: bigint, k1: bigint, at: number, n: number, range: bigint): void;
};
const bytes = new Uint8Array(memory.buffer);
const words = new BigUint64Array(memory.buffer);

/** The longest gossip message, in bytes. Memory is larger because the last word is read whole. */
const MAX_BYTES = 65_535;

/**
 * Hashes bytes.
 *
 * @throws {ReconciliationFault} `too_large` above 65,535 bytes.
 */
export function sipHash({ k0, k1 }: SipKey, input: Uint8Array): bigint {
  if (input.length > MAX_BYTES) {
    refuse("too_large", `cannot hash ${input.length} bytes: up to ${MAX_BYTES} are allowed`);
  }
  bytes.set(input);
  return BigInt.asUintN(64, hash(k0, k1, 0, input.length));
}

/** Hashes one word as eight little-endian bytes. */
export function sipHashWord({ k0, k1 }: SipKey, word: bigint): bigint {
  words[0] = word;
  return BigInt.asUintN(64, hash(k0, k1, 0, 8));
}

/** BIP 330's short id of some bytes: `1 + SipHash-2-4 mod (2^bits − 1)`, which is never zero. */
export function shortId(key: SipKey, input: Uint8Array, bits = 32): bigint {
  return 1n + sipHash(key, input) % rangeOf(bits);
}

/** {@link shortId} of many 64-bit ids, each as eight little-endian bytes; returns a new array. */
export function shortIds(
  { k0, k1 }: SipKey,
  ids: BigUint64Array,
  bits = 32,
): BigUint64Array<ArrayBuffer> {
  const range = rangeOf(bits), out = new BigUint64Array(ids.length);
  for (let start = 0; start < ids.length; start += CHUNK) {
    const chunk = ids.subarray(start, start + CHUNK);
    words.set(chunk);
    shortIdsOf(k0, k1, 0, chunk.length, range);
    out.set(words.subarray(0, chunk.length), start);
  }
  return out;
}

function rangeOf(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}
