import assert from "node:assert/strict";
import fc from "fast-check";
import * as v from "valibot";
import file from "../../../tests/vectors/pinsketch.json" with { type: "json" };
import { ReconciliationFault } from "./fault.ts";
import { FIELD_BITS, type FieldBits } from "./field_wat.ts";
import { computeCapacity, MAX_CAPACITY, Sketch } from "./sketch.ts";

const bits = v.picklist(FIELD_BITS);
const ids = v.array(v.pipe(v.string(), v.transform((digits) => BigInt(digits))));
const text = v.string();
const schema = v.strictObject({
  format: text,
  source: text,
  elements: text,
  moduli: v.record(text, text),
  vectors: v.array(v.strictObject({
    name: text,
    field_bits: bits,
    capacity: v.number(),
    set_a: ids,
    set_b: ids,
    sketch_a: text,
    sketch_b: text,
    sketch_merged: text,
    difference: ids,
    decoded: v.nullable(ids),
    note: text,
  })),
  prefixes: v.array(v.strictObject({
    field_bits: bits,
    elements: ids,
    sketch_32: text,
    sketch_8: text,
    note: text,
  })),
  compute_capacity: v.array(v.strictObject({
    bits,
    max_elements: v.number(),
    fpbits: v.number(),
    capacity: v.number(),
  })),
});
const { vectors, prefixes, compute_capacity } = v.parse(schema, file);

function sketchOf(bits: FieldBits, capacity: number, ids: Iterable<bigint>): Sketch {
  const sketch = new Sketch(bits, capacity);
  sketch.addAll(BigUint64Array.from(ids));
  return sketch;
}

const ascending = (ids: Iterable<bigint>) => [...BigUint64Array.from(ids).sort()];

const faultCode = (code: string) => (error: unknown) =>
  error instanceof ReconciliationFault && error.code === code;

for (const vector of vectors) {
  Deno.test(`minisketch: ${vector.name}`, () => {
    const { field_bits, capacity } = vector;
    const a = sketchOf(field_bits, capacity, vector.set_a);
    const b = sketchOf(field_bits, capacity, vector.set_b);
    assert.equal(a.serialize().toHex(), vector.sketch_a);
    assert.equal(b.serialize().toHex(), vector.sketch_b);
    const merged = a.merge(Sketch.from(field_bits, b.serialize()));
    assert.equal(merged.serialize().toHex(), vector.sketch_merged);
    const { ids, failure } = merged.decode();
    if (vector.decoded) assert.deepEqual([...ids!], ascending(vector.decoded));
    else assert.equal(failure, "no_such_set");
    const inA = new Set(vector.set_a), inB = new Set(vector.set_b);
    assert.deepEqual(ascending(inA.symmetricDifference(inB)), ascending(vector.difference));
  });
}

Deno.test("minisketch: the first sums of a sketch are a smaller one", () => {
  for (const { field_bits, elements, sketch_32, sketch_8 } of prefixes) {
    const sketch = sketchOf(field_bits, 32, elements);
    assert.equal(sketch.serialize().toHex(), sketch_32);
    assert.equal(sketch.prefix(8).serialize().toHex(), sketch_8);
    assert.throws(() => sketch.prefix(33), faultCode("too_large"));
  }
});

Deno.test("minisketch: compute_capacity", () => {
  for (const { bits, max_elements, fpbits, capacity } of compute_capacity) {
    assert.equal(computeCapacity(bits, max_elements, fpbits), capacity);
  }
});

const fieldBits = fc.constantFrom(...FIELD_BITS);
const element = (bits: FieldBits) => fc.bigInt(1n, (1n << BigInt(bits)) - 1n);

Deno.test("a merged sketch decodes to the symmetric difference whenever that fits", () => {
  const sets = fieldBits.chain((bits) =>
    fc.record({
      bits: fc.constant(bits),
      common: fc.uniqueArray(element(bits), { maxLength: 40 }),
      different: fc.uniqueArray(element(bits), { maxLength: 40 }),
      split: fc.nat(40),
      room: fc.nat(4),
    })
  );
  fc.assert(fc.property(sets, ({ bits, common, different, split, room }) => {
    const only = different.filter((id) => !common.includes(id));
    const capacity = only.length + room;
    const a = sketchOf(bits, capacity, [...common, ...only.slice(0, split)]);
    const b = sketchOf(bits, capacity, [...only.slice(split), ...common.toReversed()]);
    assert.deepEqual([...a.merge(b).decode().ids!], ascending(only));
  }));
});

Deno.test("ids that differ in a few bits only decode too: traces of a basis separate them all", () => {
  const few = fc.record({
    width: fc.integer({ min: 4, max: 10 }),
    shift: fc.nat(54),
    fixed: fc.bigInt(0n, (1n << 64n) - 1n),
    picks: fc.uniqueArray(fc.nat(1023), { minLength: 2, maxLength: 60 }),
  });
  fc.assert(fc.property(few, ({ width, shift, fixed, picks }) => {
    const ids = new Set(picks.map((pick) => {
      const low = BigInt(pick % 2 ** width) << BigInt(shift);
      return (fixed & ~(1023n << BigInt(shift)) | low) || 1n;
    }));
    assert.deepEqual([...sketchOf(64, ids.size, ids).decode().ids!], ascending(ids));
  }));
});

Deno.test("a sketch of too many fails, or holds what it says: never another sketch", () => {
  const sets = fieldBits.chain((bits) =>
    fc.tuple(fc.constant(bits), fc.uniqueArray(element(bits), { minLength: 3, maxLength: 30 }))
  );
  fc.assert(fc.property(sets, fc.integer({ min: 1, max: 12 }), ([bits, set], capacity) => {
    const sketch = sketchOf(bits, Math.min(capacity, set.length - 1), set);
    const { ids } = sketch.decode();
    if (ids) assert.deepEqual(sketchOf(bits, sketch.capacity, ids).serialize(), sketch.serialize());
  }));
});

Deno.test("padding keeps wrong answers to its probability", () => {
  // About one in 5! of random sums is a set's; 16 bits make that one in 65,536.
  const trials = 3000, elements = 5;
  const wrong = (capacity: number) => {
    let count = 0, id = 1n;
    for (let i = 0; i < trials; i++) {
      const ids = Array.from({ length: elements + 4 }, () => id = id * 1103n % 4093n);
      if (sketchOf(12, capacity, new Set(ids)).decode(elements).ids) count++;
    }
    return count;
  };
  assert.ok(wrong(elements) > 0, "without padding some are wrong");
  assert.equal(wrong(computeCapacity(12, elements, 16)), 0);
});

Deno.test("any bytes are a sketch that decodes to what it says or fails, or are refused", () => {
  fc.assert(fc.property(fieldBits, fc.uint8Array({ maxLength: 64 }), (bits, bytes) => {
    let sketch: Sketch;
    try {
      sketch = Sketch.from(bits, bytes);
    } catch (error) {
      assert.ok(faultCode("bad_length")(error));
      assert.notEqual(Sketch.byteLength(bits, Math.floor(bytes.length * 8 / bits)), bytes.length);
      return;
    }
    const { ids } = sketch.decode();
    if (ids) {
      assert.ok(ids.length <= sketch.capacity);
      assert.deepEqual(sketchOf(bits, sketch.capacity, ids).serialize(), sketch.serialize());
    }
  }));
});

Deno.test("what is no element, no capacity or another field is refused", () => {
  const sketch = new Sketch(12, 3);
  const none = sketch.serialize().toHex();
  for (const id of [0n, 4096n, -1n, 1n << 64n]) {
    assert.throws(() => sketch.add(id), faultCode("bad_element"));
  }
  const many = BigUint64Array.from({ length: 9000 }, (_, i) => BigInt(i % 4095 + 1));
  many[8999] = 4096n;
  assert.throws(() => sketch.addAll(many), faultCode("bad_element"));
  assert.equal(sketch.serialize().toHex(), none, "a refused id changed the sketch");
  for (const capacity of [-1, 1.5, NaN, MAX_CAPACITY + 1]) {
    assert.throws(() => new Sketch(64, capacity), faultCode("too_large"));
  }
  assert.throws(() => sketch.merge(new Sketch(32, 3)), faultCode("mismatch"));
});

Deno.test("fewer elements than the capacity may be asked for", () => {
  const sketch = sketchOf(64, 8, [1n, 2n, 3n, 4n]);
  assert.equal(sketch.decode(3).failure, "too_many");
  assert.deepEqual([...sketch.decode(4).ids!], [1n, 2n, 3n, 4n]);
});

Deno.test("many ids are added in several chunks", () => {
  const ids = BigUint64Array.from({ length: 20_000 }, (_, i) => BigInt(i + 1));
  const whole = new Sketch(32, 4), parts = new Sketch(32, 4);
  whole.addAll(ids);
  for (let i = 0; i < ids.length; i += 999) parts.addAll(ids.subarray(i, i + 999));
  assert.deepEqual(whole.serialize(), parts.serialize());
  assert.deepEqual(whole.serialize().length, 16);
  assert.equal(Sketch.from(32, Uint8Array.fromHex("01000000")).serialize().toHex(), "01000000");
});
