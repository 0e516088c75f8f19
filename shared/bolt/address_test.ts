import assert from "node:assert/strict";
import fc from "fast-check";
import { type Addresses, decodeAddresses, writeAddresses } from "./address.ts";
import { BoltFault } from "./fault.ts";
import { Writer } from "./writer.ts";

function encode(addresses: Addresses): Uint8Array {
  const writer = new Writer("test");
  writeAddresses(writer, addresses);
  return writer.finish();
}

const IPV4 = "01" + "7f000001" + "2607";
const IPV6 = "02" + "00000000000000000000000000000001" + "2607";
const TOR2 = "03" + "0102030405060708090a" + "2607";
const TOR3 = "04" + "11".repeat(35) + "2607";
const DNS = "05" + "0b" + "6578616d706c652e636f6d" + "2607";

Deno.test("each descriptor type has the host and port that BOLT 7 gives it", () => {
  const { known, unknown } = decodeAddresses(Uint8Array.fromHex(IPV4 + IPV6 + TOR2 + TOR3 + DNS));
  assert.deepEqual(
    known.map(({ type, port }) => [type, port]),
    [1, 2, 3, 4, 5].map((type) => [type, 9735]),
  );
  assert.deepEqual(known.map(({ host }) => host.length), [4, 16, 10, 35, 11]);
  assert.equal(new TextDecoder().decode(known[4].host), "example.com");
  assert.equal(unknown.length, 0);
});

Deno.test("reading stops at the first unknown type, and keeps its bytes", () => {
  for (const type of ["00", "06", "ff"]) {
    const { known, unknown } = decodeAddresses(Uint8Array.fromHex(IPV4 + type + IPV6));
    assert.equal(known.length, 1);
    assert.deepEqual(unknown, Uint8Array.fromHex(type + IPV6));
  }
});

Deno.test("a known type that runs past the end is refused", () => {
  for (const whole of [IPV4, IPV6, TOR2, TOR3, DNS]) {
    for (let bytes = 1; bytes < whole.length / 2; bytes++) {
      assert.throws(() => decodeAddresses(Uint8Array.fromHex(IPV4 + whole.slice(0, 2 * bytes))), {
        name: "BoltFault",
        code: "truncated",
      });
    }
  }
});

Deno.test("any bytes are addresses that write back as they were, or a refusal", () => {
  const bytes = fc.array(
    fc.oneof(
      fc.constantFrom(IPV4, IPV6, TOR2, TOR3, DNS),
      fc.nat(255).map((byte) => byte.toString(16).padStart(2, "0")),
    ),
    { maxLength: 5 },
  ).map((parts) => Uint8Array.fromHex(parts.join("")));
  fc.assert(fc.property(fc.oneof(bytes, fc.uint8Array()), (bytes) => {
    let addresses: Addresses;
    try {
      addresses = decodeAddresses(bytes);
    } catch (error) {
      assert(error instanceof BoltFault);
      return;
    }
    assert.deepEqual(encode(addresses), bytes);
  }));
});

Deno.test("a host that its type cannot have is not written", () => {
  const unknown = new Uint8Array(0);
  assert.throws(
    () => encode({ known: [{ type: 1, host: new Uint8Array(16), port: 1 }], unknown }),
    { name: "BoltFault", code: "bad_length" },
  );
  assert.throws(
    () => encode({ known: [{ type: 5, host: new Uint8Array(256), port: 1 }], unknown }),
    { name: "BoltFault", code: "out_of_range" },
  );
});
