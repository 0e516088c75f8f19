import assert from "node:assert/strict";
import fc from "fast-check";
import { BoltFault } from "./fault.ts";
import { Reader } from "./reader.ts";
import { readTlvStream, type TlvRecord, writeTlvStream } from "./tlv.ts";
import { Writer } from "./writer.ts";

function encode(records: readonly TlvRecord[]): Uint8Array {
  const writer = new Writer("test");
  writeTlvStream(writer, records);
  return writer.finish();
}

const u64 = fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, 2n ** 64n - 1n));
const record = fc.record({
  type: u64.map((type) => type | 1n),
  value: fc.uint8Array({ maxLength: 300 }),
}, { noNullPrototype: true });
const records = fc.uniqueArray(record, { selector: (record) => record.type, maxLength: 6 });

Deno.test("odd records come back in the order of their types", () => {
  fc.assert(fc.property(records, (records) => {
    const read = readTlvStream(new Reader(encode(records), "test"), new Map());
    assert.deepEqual(read, records.toSorted((a, b) => a.type < b.type ? -1 : 1));
  }));
});

Deno.test("any bytes are a stream that writes back as it was, or a refusal", () => {
  const flipped = fc.tuple(records, fc.nat(), fc.nat(255)).map(([records, at, value]) => {
    const bytes = encode(records);
    if (bytes.length > 0) bytes[at % bytes.length] = value;
    return bytes;
  });
  let valid = 0;
  const check = (bytes: Uint8Array) => {
    let read: TlvRecord[];
    try {
      read = readTlvStream(new Reader(bytes, "test"), new Map());
    } catch (error) {
      assert(error instanceof BoltFault);
      return;
    }
    valid++;
    assert.deepEqual(encode(read), bytes);
  };
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), flipped), check), {
    numRuns: 500,
  });
  assert(valid > 20, `only ${valid} of 500 streams were valid, so this shows little`);
});

Deno.test("a handler has its record, and must read all of it", () => {
  const bytes = encode([{ type: 2n, value: Uint8Array.of(0, 7) }, {
    type: 5n,
    value: Uint8Array.of(1),
  }]);
  let value = 0;
  const unknown = readTlvStream(
    new Reader(bytes, "test"),
    new Map([[2n, (field) => {
      value = field.u16();
    }]]),
  );
  assert.equal(value, 7);
  assert.deepEqual(unknown, [{ type: 5n, value: Uint8Array.of(1) }]);
  const lazy = new Map([[2n, (field: Reader) => void field.u8()]]);
  assert.throws(() => readTlvStream(new Reader(bytes, "test"), lazy), {
    name: "BoltFault",
    code: "trailing",
  });
});

Deno.test("a length beyond 2^53 is too long and not rounded to one that fits", () => {
  const bytes = Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0);
  assert.throws(() => readTlvStream(new Reader(bytes, "test"), new Map()), {
    name: "BoltFault",
    code: "truncated",
  });
});

Deno.test("two records of one type are not written", () => {
  const record = { type: 3n, value: new Uint8Array(0) };
  assert.throws(() => encode([record, record]), { name: "BoltFault", code: "tlv_order" });
});
