import assert from "node:assert/strict";
import fc from "fast-check";
import { readBigSize, writeBigSize } from "./bigsize.ts";
import { BoltFault } from "./fault.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

function encode(value: bigint): Uint8Array {
  const writer = new Writer("test");
  writeBigSize(writer, value);
  return writer.finish();
}

Deno.test("a BigSize reads back as the value that was written, and is as short as it can be", () => {
  fc.assert(fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (value) => {
    const bytes = encode(value);
    const reader = new Reader(bytes, "test");
    assert.equal(readBigSize(reader), value);
    assert.equal(reader.remaining, 0);
    const size = value < 0xfdn ? 1 : value < 2n ** 16n ? 3 : value < 2n ** 32n ? 5 : 9;
    assert.equal(bytes.length, size);
  }));
});

Deno.test("any bytes are a BigSize that writes back as they were, or a refusal", () => {
  const prefix = fc.constantFrom(0xfc, 0xfd, 0xfe, 0xff, 0x00);
  const bytes = fc.tuple(prefix, fc.uint8Array({ maxLength: 12 }))
    .map(([first, rest]) => Uint8Array.of(first, ...rest));
  fc.assert(fc.property(bytes, (bytes) => {
    const reader = new Reader(bytes, "test");
    let value: bigint;
    try {
      value = readBigSize(reader);
    } catch (error) {
      assert(error instanceof BoltFault);
      assert(error.code === "truncated" || error.code === "not_minimal");
      return;
    }
    assert.deepEqual(encode(value), bytes.slice(0, bytes.length - reader.remaining));
  }));
});

Deno.test("a value that 64 bits do not hold is not written", () => {
  for (const value of [-1n, 2n ** 64n]) {
    assert.throws(() => encode(value), { name: "BoltFault", code: "out_of_range" });
  }
});
