import assert from "node:assert/strict";
import fc from "fast-check";
import { fieldOf } from "./field.ts";
import { FIELD_BITS, type FieldBits } from "./field_wat.ts";

const MODULI: Record<FieldBits, bigint> = {
  12: 1n << 12n | 0b1001n,
  32: 1n << 32n | 0b10001101n,
  40: 1n << 40n | 0b111001n,
  48: 1n << 48n | 0b101101n,
  64: 1n << 64n | 0b11011n,
};

/** Schoolbook: shift, add, reduce bit by bit. */
function product(bits: FieldBits, a: bigint, b: bigint): bigint {
  let sum = 0n;
  for (let i = bits - 1; i >= 0; i--) {
    sum <<= 1n;
    if (sum >> BigInt(bits) & 1n) sum ^= MODULI[bits];
    if (b >> BigInt(i) & 1n) sum ^= a;
  }
  return sum;
}

const vectors = fc.constantFrom(...FIELD_BITS).chain((bits) => {
  const element = fc.bigInt(0n, (1n << BigInt(bits)) - 1n);
  const row = fc.array(element, { minLength: 3, maxLength: 3 });
  return fc.record({
    bits: fc.constant(bits),
    to: row,
    rows: fc.tuple(row, row),
    scalars: fc.tuple(element, element),
  });
});

Deno.test("combine, dot and square are sums of schoolbook products", () => {
  fc.assert(fc.property(vectors, ({ bits, to, rows: [r, s], scalars: [a, b] }) => {
    const field = fieldOf(bits), at = field.reserve(20), { words } = field;
    const take = (
      index: number,
      n: number,
    ) => [...words.subarray(at / 8 + index, at / 8 + index + n)];
    words.set([...to, ...r, ...s, a, b], at / 8);
    field.combine(at, at + 24, 24, 3, at + 72, 2);
    const combined = to.map((x, i) => x ^ product(bits, a, r[i]) ^ product(bits, b, s[i]));
    assert.deepEqual(take(0, 3), combined);
    const dot = product(bits, r[0], s[2]) ^ product(bits, r[1], s[1]) ^ product(bits, r[2], s[0]);
    assert.equal(field.dot(at, at + 24, at + 64, 3), dot === 0n ? 0 : 1);
    assert.deepEqual(take(0, 1), [dot]);
    words.fill(0n, at / 8 + 11, at / 8 + 17);
    field.square(at + 88, 16, at + 24, 3);
    assert.deepEqual(take(11, 6), r.flatMap((x) => [product(bits, x, x), 0n]));
  }));
});

Deno.test("an element times its inverse is 1", () => {
  const elements = fc.constantFrom(...FIELD_BITS).chain((bits) =>
    fc.tuple(fc.constant(bits), fc.bigInt(1n, (1n << BigInt(bits)) - 1n))
  );
  const inverse = (bits: FieldBits, x: bigint) => {
    const field = fieldOf(bits), at = field.reserve(2);
    field.words[at / 8] = x;
    field.invert(at + 8, at);
    return field.words[at / 8 + 1];
  };
  fc.assert(fc.property(elements, ([bits, x]) => {
    assert.equal(product(bits, x, inverse(bits, x)), 1n);
  }));
  for (const bits of FIELD_BITS) {
    for (const x of [1n, 2n, (1n << BigInt(bits)) - 1n, 1n << BigInt(bits - 1)]) {
      assert.equal(product(bits, x, inverse(bits, x)), 1n);
    }
  }
});
