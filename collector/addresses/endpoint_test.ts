import assert from "node:assert/strict";
import fc from "fast-check";
import {
  announcedEndpoint,
  endpoint,
  formatEndpoint,
  isLocalName,
  parseEndpoint,
} from "./endpoint.ts";
import { AddressFault } from "./fault.ts";
import { onionChecksum, onionName } from "./onion.ts";
import { type Address, type AddressType, decodeAddresses } from "../../shared/bolt/address.ts";

const ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

Deno.test("IPv4, IPv6, DNS and onion endpoints are read, each place in one form", () => {
  const cases = [
    ["192.0.2.7:9735", "ipv4", "192.0.2.7", 9735],
    ["[2001:DB8:0::7]:1", "ipv6", "2001:db8::7", 1],
    ["[::ffff:192.0.2.7]:65535", "ipv4", "192.0.2.7", 65535],
    ["Node-1.Example.COM:9735", "dns", "node-1.example.com", 9735],
    ["node.example.com.:9735", "dns", "node.example.com", 9735],
    [`${ONION.toUpperCase()}:9735`, "onion", ONION, 9735],
  ] as const;
  for (const [text, kind, host, port] of cases) {
    assert.deepEqual(parseEndpoint(text), { kind, host, port });
  }
});

Deno.test("a missing port is the network's own, when there is one", () => {
  assert.equal(parseEndpoint("192.0.2.7", 19735).port, 19735);
  assert.equal(parseEndpoint("[2001:db8::7]", 19735).port, 19735);
  assert.equal(parseEndpoint("a.example:1", 19735).port, 1);
  assert.throws(() => parseEndpoint("a.example"), { code: "no_port" });
});

Deno.test("what is no endpoint is refused, and the refusal says why", () => {
  const cases = [
    ["192.0.2.7:0", "bad_port"],
    ["192.0.2.7:65536", "bad_port"],
    ["192.0.2.7:", "bad_port"],
    ["192.0.2.7:9735x", "bad_port"],
    ["192.0.2.300:9735", "bad_host"],
    ["192.0.2:9735", "bad_host"],
    ["0x7f000001:9735", "bad_host"],
    ["2130706433:9735", "bad_host"],
    ["2001:db8::7:9735", "bad_host"],
    ["[2001:db8::7:9735", "bad_host"],
    ["[2001:db8::7]9735", "bad_host"],
    ["[192.0.2.7]:9735", "bad_host"],
    ["[fe80::1%eth0]:9735", "bad_host"],
    [":9735", "bad_host"],
    ["a..example:9735", "bad_host"],
    ["-a.example:9735", "bad_host"],
    [`${"a".repeat(64)}.example:9735`, "bad_host"],
    [`${"a.".repeat(126)}aa:9735`, "bad_host"],
    ["a b.example:9735", "bad_host"],
    ["ex\u0430mple.com:9735", "bad_host"],
    ["expyuzz4wqqyqhjn.onion:9735", "tor_v2"],
    ["expyuzz4.onion:9735", "bad_onion"],
    [`www.${ONION}:9735`, "bad_onion"],
    [`${ONION.replace("2g", "2h")}:9735`, "bad_onion"],
    [`${ONION.replace("wid.", "wie.")}:9735`, "bad_onion"],
  ];
  for (const [text, code] of cases) {
    assert.throws(() => parseEndpoint(text), { name: "AddressFault", code }, text);
  }
});

Deno.test("names of local networks are told from public ones", () => {
  const local = ["localhost", "umbrel.local", "node.lan", "a.test", "x.home.arpa", "node", "a.alt"];
  for (const name of local) assert.ok(isLocalName(name), name);
  for (const name of ["node.example.com", "local.io", "lan.net", "arpa.net"]) {
    assert.ok(!isLocalName(name), name);
  }
});

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."))
  .filter((name) => !name.endsWith("onion"));
const onion = fc.uint8Array({ minLength: 32, maxLength: 32 })
  .map((key) => onionName(Uint8Array.of(...key, ...onionChecksum(key), 3)));
const anyEndpoint = fc.tuple(
  fc.oneof(fc.ipV4(), fc.ipV6(), name, onion),
  fc.integer({ min: 1, max: 65535 }),
).map(([host, port]) => endpoint(host, port));

Deno.test("any endpoint is read back from its text", () => {
  fc.assert(fc.property(anyEndpoint, (end) => {
    assert.deepEqual(parseEndpoint(formatEndpoint(end)), end);
    assert.deepEqual(endpoint(end.host, end.port), end);
  }));
});

Deno.test("any text is an endpoint that is written as it is read, or a refusal", () => {
  const part = fc.constantFrom("[", "]", ":", "::1", "9735", ".", "a", "1.2.3.4", ".onion", ONION);
  const text = fc.oneof(
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join("")),
    fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
  );
  fc.assert(fc.property(text, (text) => {
    try {
      const read = parseEndpoint(text, 9735);
      assert.deepEqual(parseEndpoint(formatEndpoint(read)), read);
    } catch (error) {
      if (!(error instanceof AddressFault)) throw error;
      assert.doesNotMatch(error.message, /\p{Cc}/u);
    }
  }));
});

const hex = (text: string) => new TextEncoder().encode(text).toHex();
const decode = (text: string) => decodeAddresses(Uint8Array.fromHex(text)).known[0];

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
