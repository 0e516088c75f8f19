import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { type CopyColumn, encodeRows } from "./binary_copy.ts";

/** Reads rows back as PostgreSQL would: a count of fields, then each with its length; −1 is null. */
function decode(bytes: Uint8Array): (string | null)[][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = [];
  for (let at = 0; at < bytes.length;) {
    const fields = Array.from({ length: view.getInt16(at) }, () => null as string | null);
    at += 2;
    for (let i = 0; i < fields.length; i++) {
      const length = view.getInt32(at);
      at += 4;
      if (length >= 0) fields[i] = bytes.subarray(at, at += length).toHex();
    }
    rows.push(fields);
  }
  return rows;
}

function concat(pieces: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array([...pieces].flatMap((piece) => [...piece]));
}

function validity(values: readonly unknown[]): Uint8Array {
  const bits = new Uint8Array(8 * Math.ceil(values.length / 64));
  values.forEach((value, i) => bits[i >> 3] |= value === null ? 0 : 1 << (i & 7));
  return bits;
}

/** A column of integers of `width` bytes, and what each should be in hex. */
function integers(width: 1 | 2 | 4 | 8, values: readonly (bigint | null)[]) {
  const data = new Uint8Array(width * values.length);
  const hex = values.map((value, row) => {
    if (value === null) return null;
    const digits = BigInt.asUintN(8 * width, value).toString(16).padStart(2 * width, "0");
    data.set(Uint8Array.fromHex(digits).reverse(), row * width);
    return digits;
  });
  const valid = values.includes(null) ? validity(values) : null;
  return { column: { width, data, valid } satisfies CopyColumn, hex };
}

Deno.test("whatever the values, rows are read back as they were, nulls and negative ones included", () => {
  const cell = fc.record({
    bytes: fc.option(fc.uint8Array({ maxLength: 40 })),
    ...Object.fromEntries([1, 2, 4, 8].map((width) => [
      `int${width}`,
      fc.option(fc.bigInt(-(2n ** BigInt(8 * width - 1)), 2n ** BigInt(8 * width - 1) - 1n)),
    ])) as Record<"int1" | "int2" | "int4" | "int8", fc.Arbitrary<bigint | null>>,
  });
  fc.assert(fc.property(fc.array(cell, { maxLength: 150 }), (cells) => {
    const fixed = ([1, 2, 4, 8] as const).map((width) =>
      integers(width, cells.map((cell) => cell[`int${width}`]))
    );
    const values = cells.map(({ bytes }) => bytes);
    const columns = [...fixed.map(({ column }) => column), { values }];
    const rows = decode(concat(encodeRows(columns, cells.length)));
    deepEqual(
      rows,
      cells.map(({ bytes }, row) => [...fixed.map(({ hex }) => hex[row]), bytes?.toHex() ?? null]),
    );
  }));
});

Deno.test("large rows go in pieces of whole rows", () => {
  const values = Array.from({ length: 10 }, (_, i) => new Uint8Array(300_000).fill(i));
  values[5] = new Uint8Array(3_000_000);
  const pieces = [...encodeRows([{ values }], 10)];
  deepEqual(pieces.map((piece) => decode(piece).length), [3, 2, 1, 3, 1]);
  equal(pieces.reduce((sum, piece) => sum + piece.length, 0), 10 * 6 + 9 * 300_000 + 3_000_000);
});
