import assert from "node:assert/strict";
import fc from "fast-check";
import { type Address, type AddressType, decodeAddresses } from "../../shared/bolt/address.ts";
import { fromHex, toHex } from "../../shared/text.ts";
import { announcedEndpoint } from "./announced.ts";
import { formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { AddressFault } from "./fault.ts";

const hex = (text: string) => toHex(new TextEncoder().encode(text));
const decode = (text: string) => decodeAddresses(fromHex(text)).known[0];

Deno.test("every descriptor of BOLT 7 but Tor v2 is an endpoint", () => {
  const cases = [
    ["01" + "01020304" + "2607", "1.2.3.4:9735"],
    ["02" + "20010db8000000000000000000000001" + "0001", "[2001:db8::1]:1"],
    ["02" + "00000000000000000000ffff01020304" + "2607", "1.2.3.4:9735"],
    // The Tor Project's own service: key, checksum, version.
    [
      "04" + "d1b38b83a83b3ed918c5bb69dd444ad56bc8d5835a914de73447474e5f02591bddd903" + "2607",
      "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion:9735",
    ],
    ["05" + "0b" + hex("Example.COM") + "2607", "example.com:9735"],
  ];
  for (const [bytes, text] of cases) {
    assert.equal(formatEndpoint(announcedEndpoint(decode(bytes))), text);
  }
});

Deno.test("descriptors that nobody can dial are refused", () => {
  const cases = [
    ["01" + "01020304" + "0000", "bad_port"],
    ["03" + "00".repeat(10) + "2607", "tor_v2"],
    ["04" + "11".repeat(35) + "2607", "bad_onion"],
    ["05" + "07" + hex("1.2.3.4") + "2607", "bad_host"],
    ["05" + "03" + hex("::1") + "2607", "bad_host"],
    ["05" + "00" + "2607", "bad_host"],
    ["05" + "04" + hex("a b.") + "2607", "bad_host"],
    ["05" + "04" + "61fffe62" + "2607", "bad_host"],
    ["05" + "08" + hex("ab.onion") + "2607", "bad_onion"],
  ];
  for (const [bytes, code] of cases) {
    assert.throws(() => announcedEndpoint(decode(bytes)), { name: "AddressFault", code }, bytes);
  }
});

Deno.test("any address is an endpoint that its text reads back to, or is refused", () => {
  const bytes: Record<AddressType, number> = { 1: 4, 2: 16, 3: 10, 4: 35, 5: 20 };
  const address: fc.Arbitrary<Address> = fc.constantFrom<AddressType>(1, 2, 3, 4, 5).chain((type) =>
    fc.record({
      type: fc.constant(type),
      host: fc.uint8Array({ minLength: bytes[type], maxLength: bytes[type] }),
      port: fc.nat(65535),
    })
  );
  fc.assert(fc.property(address, (address) => {
    try {
      const end = announcedEndpoint(address);
      assert.deepEqual(parseEndpoint(formatEndpoint(end)), end);
    } catch (error) {
      if (!(error instanceof AddressFault)) throw error;
    }
  }));
});
