import assert from "node:assert/strict";
import fc from "fast-check";
import { ColumnReader, ColumnWriter } from "./columns.ts";
import { BatchFault } from "./fault.ts";

const u32 = fc.nat(0xffff_ffff);

Deno.test("columns come back as they were, however little room the writer began with", () => {
  const column = fc.oneof(
    fc.record({ kind: fc.constant("column32"), values: fc.array(u32) }),
    fc.record({ kind: fc.constant("column56"), values: fc.array(fc.maxSafeNat()) }),
    fc.record({ kind: fc.constant("column8"), values: fc.array(fc.nat(255)) }),
    fc.record({ kind: fc.constant("deltas"), values: fc.array(u32) }),
    fc.record({ kind: fc.constant("raw"), values: fc.array(fc.nat(255)) }),
  );
  fc.assert(fc.property(fc.array(column), fc.nat(20), (columns, capacity) => {
    const writer = new ColumnWriter(capacity);
    for (const { kind, values } of columns) {
      writer.u32(values.length);
      if (kind === "raw") writer.raw(Uint8Array.from(values));
      else if (kind === "deltas") writer.deltas(Uint32Array.from(values), values.length);
      else writer.column(values, values.length);
    }
    const reader = new ColumnReader(writer.bytes);
    for (const { kind, values } of columns) {
      const read = reader[kind as "column8"](reader.u32());
      assert.deepEqual([...read], values);
    }
    assert.equal(reader.left, 0);
  }));
});

Deno.test("a column of small steps takes a byte a value", () => {
  const writer = new ColumnWriter(0);
  writer.deltas(Uint32Array.of(1, 3, 2, 0, 127, 64), 6);
  assert.equal(writer.bytes.length, 7);
});

Deno.test("a column wider than its reader allows is refused", () => {
  const writer = new ColumnWriter(0);
  writer.column([256], 1);
  assert.throws(() => new ColumnReader(writer.bytes).column8(1), BatchFault);
  writer.column([2 ** 32], 1);
  assert.throws(() => new ColumnReader(writer.bytes.subarray(3)).column32(1), BatchFault);
});
