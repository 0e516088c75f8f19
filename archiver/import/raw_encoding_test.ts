import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeText, detectTextEncoding, encodingName, type TextEncoding } from "./encodings.ts";

const ENCODINGS: readonly TextEncoding[] = ["base64url", "base64", "hex"];

function encode(bytes: Uint8Array, encoding: TextEncoding): string {
  return Buffer.from(bytes).toString(encoding);
}

Deno.test("bytes in each encoding are read back, padded or not, in small or capital hex", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    for (const encoding of ENCODINGS) {
      const text = encode(bytes, encoding);
      assert.deepEqual(decodeText(text, encoding), bytes);
      const other = encoding === "hex"
        ? text.toUpperCase()
        : text.endsWith("=")
        ? text.replace(/=+$/, "")
        : text.padEnd(Math.ceil(text.length / 4) * 4, "=");
      assert.deepEqual(decodeText(other, encoding), bytes);
    }
  }));
});

Deno.test("any text gives bytes of the right number or nothing", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
    for (const encoding of ENCODINGS) {
      const bytes = decodeText(text, encoding);
      if (bytes === null) continue;
      const digits = text.replace(/=+$/, "").length;
      assert.equal(bytes.length, encoding === "hex" ? text.length / 2 : Math.floor(digits * 3 / 4));
    }
  }));
});

Deno.test("texts that are not of an encoding give nothing", () => {
  for (const text of ["A", "AAAAA", "A===", "AA=", "AAA==", "=", "AA A", "AA\n", "äAAA"]) {
    assert.equal(decodeText(text, "base64"), null, text);
    assert.equal(decodeText(text, "base64url"), null, text);
  }
  assert.equal(decodeText("-_-_", "base64"), null);
  assert.equal(decodeText("+/+/", "base64url"), null);
  assert.equal(decodeText("abc", "hex"), null);
  assert.equal(decodeText("zz", "hex"), null);
});

Deno.test("the encoding of long texts is found, even when a tenth of them is spoilt", () => {
  const long = fc.array(fc.uint8Array({ minLength: 64, maxLength: 80 }), {
    minLength: 10,
    maxLength: 20,
  });
  fc.assert(fc.property(long, fc.constantFrom(...ENCODINGS), (all, encoding) => {
    const texts = [...all.map((bytes) => encode(bytes, encoding)), "~"];
    const found = detectTextEncoding(texts);
    assert.ok(found !== null);
    for (const [i, bytes] of all.entries()) assert.deepEqual(decodeText(texts[i], found), bytes);
  }));
});

Deno.test("no encoding is found in nothing, nor where more is spoilt", () => {
  assert.equal(detectTextEncoding([]), null);
  assert.equal(detectTextEncoding(["AAAA", "AAAA", "AAAA", "AAAA", "~~~~"]), null);
  assert.equal(encodingName("base64url", true), "URL-safe base64 with padding");
  assert.equal(encodingName("hex", false), "hex");
});
