import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../shared/text.ts";
import { Bech32Fault, decodeBech32, encodeBech32 } from "./bech32.ts";

/** The virtual hostnames in the examples of BOLT 10. */
const BOLT10 = [
  "ln1qwktpe6jxltmpphyl578eax6fcjc2m807qalr76a5gfmx7k9qqfjwy4mctz",
  "ln1qv2w3tledmzczw227nnkqrrltvmydl8gu4w4d70g9td7avke6nmz2tdefqp",
  "ln1qtynyymv99pqf0r9cuexvvqtxrlgejuecf8myfsa96vcpflgll5cqmr2xsu",
  "ln1qdfvlysfpyh96apy3w3qdwlu8jjkdhnuxa689ka540tnde6gnx86cf7ga2d",
  "ln1qwf789tlcpe4n34649xrqllxt97whsvfk5pm07ggqms3vrjwdj3cu6332zs",
];

Deno.test("the hostnames in BOLT 10 carry node ids", () => {
  for (const text of BOLT10) {
    const { prefix, bytes } = decodeBech32(text);
    assert.equal(prefix, "ln");
    assert.match(toHex(bytes), /^0[23][0-9a-f]{64}$/);
    assert.equal(encodeBech32("ln", bytes), text);
    assert.deepEqual(decodeBech32(text.toUpperCase()), { prefix, bytes });
  }
});

Deno.test("BIP 173's valid strings have a right checksum, its invalid ones are refused", () => {
  // Of the valid ones, those whose digits are whole bytes.
  for (const text of ["A12UEL5L", "a12uel5l", "?1ezyfcl"]) {
    assert.equal(decodeBech32(text).bytes.length, 0);
  }
  const { bytes } = decodeBech32("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw");
  assert.equal(toHex(bytes), "00443214c74254b635cf84653a56d7c675be77df");
  const invalid = [
    ["\x201nwldj5", "bad_character"],
    ["\x7f1axkwrx", "bad_character"],
    ["\x801eym55h", "bad_character"],
    [`an84${"characters".repeat(8)}1569pvx`, "too_long"],
    ["pzry9x0s0muk", "no_separator"],
    ["1pzry9x0s0muk", "no_separator"],
    ["x1b4n0q5v", "bad_character"],
    ["li1dgmt3", "bad_checksum"],
    ["de1lg7wt\xff", "bad_character"],
    ["A1G7SGD8", "bad_checksum"],
    ["10a06t8", "no_separator"],
    ["1qzzfhee", "no_separator"],
    ["A12uEL5L", "bad_character"],
    // BIP 350's own: bech32m.
    ["A1LQFN3A", "bad_checksum"],
    // A Bitcoin address: right, and one digit more than whole bytes.
    ["BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "bad_padding"],
  ];
  for (const [text, code] of invalid) {
    assert.throws(() => decodeBech32(text), { name: "Bech32Fault", code }, text);
  }
});

const anyBytes = fc.uint8Array({ maxLength: 50 });

Deno.test("any bytes are read back, and up to four changed digits are noticed", () => {
  const changes = fc.array(
    fc.tuple(fc.nat(), fc.constantFrom(..."qpzry9x8gf2tvdw0s3jn54khce6mua7l")),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  fc.assert(fc.property(anyBytes, changes, (bytes, changes) => {
    const text = encodeBech32("ln", bytes);
    assert.deepEqual(decodeBech32(text), { prefix: "ln", bytes });
    const digits = [...text];
    for (const [at, digit] of changes) digits[3 + at % (digits.length - 3)] = digit;
    const changed = digits.join("");
    if (changed !== text) assert.throws(() => decodeBech32(changed), { code: "bad_checksum" });
  }));
});

Deno.test("any text is bech32 that is written as it was, or is refused", () => {
  const text = fc.oneof(
    fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
    fc.tuple(fc.constantFrom("ln1", "1", "LN1"), fc.stringMatching(/^[qpzry9x8]{0,70}$/))
      .map((parts) => parts.join("")),
  );
  fc.assert(fc.property(text, (text) => {
    try {
      const { prefix, bytes } = decodeBech32(text);
      assert.equal(encodeBech32(prefix, bytes), text.toLowerCase());
    } catch (error) {
      if (!(error instanceof Bech32Fault)) throw error;
    }
  }));
});
