import assert from "node:assert/strict";
import fc from "fast-check";
import * as v from "valibot";
import file from "../../../tests/vectors/riblt.json" with { type: "json" };
import { type CodedSymbol, Decoder, type DecoderState, DEFAULT_KEY, Encoder } from "./riblt.ts";

const word = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));
const number = v.pipe(word, v.transform((hex) => BigInt(`0x${hex}`)));
/** The symbol's bytes, little endian. */
const bytes = v.pipe(
  word,
  v.transform((hex) => new BigUint64Array(Uint8Array.fromHex(hex).buffer)[0]),
);
const count = v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number));
const { vectors } = v.parse(
  v.strictObject({
    hash: v.string(),
    mapping: v.string(),
    source: v.string(),
    symbol: v.string(),
    vectors: v.array(v.strictObject({
      name: v.string(),
      Common: v.number(),
      OnlyA: v.number(),
      OnlyB: v.number(),
      first_coded_symbols_of_a: v.array(v.strictObject({ count, hash: number, sum: bytes })),
      coded_symbols_needed: v.number(),
    })),
  }),
  file,
);

/** The vectors' symbols number `from` to `until`, less the last. */
function symbols(from: number, until: number): bigint[] {
  const step = 0x9e3779b97f4a7c15n;
  return Array.from(
    { length: until - from },
    (_, i) => BigInt.asUintN(64, step * BigInt(from + i)),
  );
}

/** Decodes a's difference to b, one coded symbol after another. */
function decode(a: bigint[], b: bigint[], limit?: number) {
  const encoder = new Encoder(a, DEFAULT_KEY, limit);
  const decoder = new Decoder(b, DEFAULT_KEY, limit);
  let state: DecoderState = "more", needed = 0;
  for (; state === "more"; needed++) state = decoder.add(encoder.next()!);
  return { state, needed, theirs: decoder.theirs, ours: decoder.ours };
}

const ascending = (ids: Iterable<bigint>) => [...BigUint64Array.from(ids).sort()];

for (const vector of vectors) {
  Deno.test(`riblt reference: ${vector.name}`, () => {
    const { Common, OnlyA, OnlyB } = vector;
    const common = symbols(1, Common + 1);
    const onlyA = symbols(Common + 1, Common + OnlyA + 1);
    const onlyB = symbols(Common + OnlyA + 1, Common + OnlyA + OnlyB + 1);
    const encoder = new Encoder([...common, ...onlyA]);
    for (const expected of vector.first_coded_symbols_of_a) {
      assert.deepEqual(encoder.next(), expected);
    }
    const { state, needed, theirs, ours } = decode([...common, ...onlyA], [...common, ...onlyB]);
    assert.equal(state, "done");
    assert.equal(needed, vector.coded_symbols_needed);
    assert.deepEqual(ascending(theirs), ascending(onlyA));
    assert.deepEqual(ascending(ours), ascending(onlyB));
  });
}

const set = fc.uniqueArray(fc.bigInt(0n, (1n << 64n) - 1n), { maxLength: 60 });

Deno.test("any two sets' difference is decoded", () => {
  fc.assert(fc.property(set, set, set, (common, a, b) => {
    const setA = new Set([...common, ...a]), setB = new Set([...common, ...b]);
    const { state, theirs, ours } = decode([...setA], [...setB]);
    assert.equal(state, "done");
    assert.deepEqual(ascending(theirs), ascending(setA.difference(setB)));
    assert.deepEqual(ascending(ours), ascending(setB.difference(setA)));
  }));
});

Deno.test("a difference of 100 takes 1.35 to 1.55 coded symbols each, over 50 sets", () => {
  // The paper has 1.35 for large differences and at most 1.72; the reference took 1.44 here.
  const rounds = 50, size = 100;
  let needed = 0;
  for (let i = 0; i < rounds; i++) {
    const start = 1 + i * size;
    needed += decode(symbols(start, start + size / 2), symbols(start + size / 2, start + size))
      .needed;
  }
  const each = needed / rounds / size;
  assert.ok(each >= 1.35 && each <= 1.55, `${each}`);
});

Deno.test("too large a difference ends at the limit, and stays ended", () => {
  const a = symbols(1, 101);
  const { state, needed } = decode(a, [], 50);
  assert.deepEqual([state, needed], ["limit", 50]);
  const encoder = new Encoder(a, DEFAULT_KEY, 1), decoder = new Decoder([], DEFAULT_KEY, 1);
  const coded = encoder.next()!;
  assert.equal(encoder.next(), null);
  assert.equal(decoder.add(coded), "limit");
  assert.equal(decoder.add(coded), "limit");
});

Deno.test("whatever coded symbols come, decoding ends in a state", () => {
  const word = fc.bigInt(0n, (1n << 64n) - 1n);
  const any: fc.Arbitrary<CodedSymbol> = fc.record({
    sum: word,
    hash: word,
    count: fc.integer({ min: -3, max: 3 }),
  }, { noNullPrototype: true });
  /** Honest symbols of others' sets, which hash right but do not belong together. */
  const mixed = fc.tuple(set, fc.nat(20)).map(([ids, skip]) => {
    const encoder = new Encoder(ids);
    for (let i = 0; i < skip; i++) encoder.next();
    return encoder.next()!;
  });
  fc.assert(fc.property(set, fc.array(fc.oneof(any, mixed), { maxLength: 60 }), (own, row) => {
    const decoder = new Decoder(own, DEFAULT_KEY, 50);
    for (const [i, coded] of row.entries()) {
      const state = decoder.add(coded);
      assert.ok(["more", "done", "limit", "inconsistent"].includes(state));
      assert.ok(decoder.theirs.length + decoder.ours.length <= Math.min(50, i + 1));
    }
  }));
});

Deno.test("coded symbols that would be peeled for ever are called inconsistent", () => {
  const lone = new Encoder([5n]), decoder = new Decoder([]);
  lone.next();
  // The first never comes out. Then a symbol stands alone where it should, but is missing where it should be next: taken
  // out of one place it comes back in the other.
  const states = [decoder.add({ sum: 9n, hash: 9n, count: 1 })];
  for (let places = 0; places < 2;) {
    const coded = lone.next()!;
    if (coded.count === 1) places++;
    states.push(decoder.add(places === 1 ? coded : { sum: 0n, hash: 0n, count: 0 }));
  }
  assert.equal(states.pop(), "inconsistent");
  assert.ok(states.every((state) => state === "more"));
});
