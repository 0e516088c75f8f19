import assert from "node:assert/strict";
import fc from "fast-check";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

Deno.test("fields read back as they were written, across the growth of the buffer", () => {
  const fields = fc.record({
    u8: fc.nat(0xff),
    u16: fc.nat(0xffff),
    u32: fc.nat(0xffffffff),
    u64: fc.bigInt(0n, 2n ** 64n - 1n),
    sized: fc.uint8Array({ maxLength: 1500 }),
    rest: fc.uint8Array({ maxLength: 1500 }),
  }, { noNullPrototype: true });
  fc.assert(fc.property(fields, (f) => {
    const writer = new Writer("test");
    writer.u8(f.u8);
    writer.u16(f.u16);
    writer.u32(f.u32);
    writer.u64(f.u64);
    writer.sized16(f.sized);
    writer.bytes(f.rest);
    const bytes = writer.finish();
    assert.equal(bytes.length, 17 + f.sized.length + f.rest.length);
    // A window into a larger buffer, as messages are in a socket's.
    const larger = new Uint8Array(bytes.length + 7);
    larger.set(bytes, 3);
    const reader = new Reader(larger.subarray(3, 3 + bytes.length), "test");
    const read = { u8: reader.u8(), u16: reader.u16(), u32: reader.u32(), u64: reader.u64() };
    assert.deepEqual({ ...read, sized: reader.sized16(), rest: reader.rest() }, f);
    reader.end();
  }));
});

Deno.test("big-endian it is", () => {
  const writer = new Writer("test");
  writer.u16(0x0102);
  writer.u32(0x03040506);
  writer.u64(0x0708090a0b0c0d0en);
  assert.deepEqual(writer.finish(), Uint8Array.from({ length: 14 }, (_, i) => i + 1));
});

Deno.test("a value that its field cannot hold is refused", () => {
  const refused = { name: "BoltFault", code: "out_of_range" };
  for (const value of [-1, 256, 1.5, NaN]) {
    assert.throws(() => new Writer("test").u8(value), refused);
  }
  assert.throws(() => new Writer("test").u16(0x10000), refused);
  assert.throws(() => new Writer("test").u32(0x100000000), refused);
  assert.throws(() => new Writer("test").u64(-1n), refused);
  assert.throws(() => new Writer("test").sized16(new Uint8Array(0x10000)), refused);
  assert.throws(() => new Writer("test").fixed(new Uint8Array(31), 32), {
    name: "BoltFault",
    code: "bad_length",
  });
});

Deno.test("a refusal says what was read, where, and what was missing", () => {
  const reader = new Reader(new Uint8Array(5), "ping");
  reader.u16();
  assert.throws(() => reader.u32(), {
    name: "BoltFault",
    code: "truncated",
    message: "ping: 3 bytes left at byte 2, 4 needed",
  });
  assert.throws(() => reader.end(), { name: "BoltFault", code: "trailing" });
});
