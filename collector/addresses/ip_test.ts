import assert from "node:assert/strict";
import fc from "fast-check";
import { isIP } from "node:net";
import { type Cidr, contains, containsAny, formatIp, parseCidr, parseIp, unmapped } from "./ip.ts";
import { AddressFault } from "./fault.ts";

/** Text, its bytes, and the text that is written for them. */
const ADDRESSES = [
  ["0.0.0.0", "00000000", "0.0.0.0"],
  ["192.0.2.255", "c00002ff", "192.0.2.255"],
  ["::", "00000000000000000000000000000000", "::"],
  ["::1", "00000000000000000000000000000001", "::1"],
  ["1::", "00010000000000000000000000000000", "1::"],
  ["2001:DB8::0:1", "20010db8000000000000000000000001", "2001:db8::1"],
  ["2001:db8:0:1:1:1:1:1", "20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
  ["2001:db8::1:1:1:1:1", "20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "20010000000000010000000000000001", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "20010db8000000000001000000000001", "2001:db8::1:0:0:1"],
  ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201", "::ffff:c000:201"],
  ["64:ff9b::198.51.100.1", "0064ff9b0000000000000000c6336401", "64:ff9b::c633:6401"],
] as const;

Deno.test("IP addresses are read and written as RFC 4291 and RFC 5952 say", () => {
  for (const [text, bytes, written] of ADDRESSES) {
    assert.equal(parseIp(text)!.toHex(), bytes, text);
    assert.equal(formatIp(Uint8Array.fromHex(bytes)), written);
  }
});

Deno.test("what only looks like an IP address is none", () => {
  const looks = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "0x7f.0.0.1",
    "2130706433",
    " 1.2.3.4",
    "1.2.3.4\n",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "::g",
    "fe80::1%eth0",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "::1.2.3",
    "[::1]",
  ];
  for (const text of looks) assert.equal(parseIp(text), null, text);
});

const anyIp = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
    .map((bytes) => Uint8Array.from(bytes)),
);

Deno.test("any address is read back from its text", () => {
  fc.assert(fc.property(anyIp, (ip) => assert.deepEqual(parseIp(formatIp(ip)), ip)));
});

Deno.test("any text is an address exactly when the runtime takes it for one", () => {
  const fragment = fc.constantFrom(":", "::", ".", "0", "1", "ff", "255", "256", "abcd", "g", "%");
  const text = fc.oneof(
    fc.array(fragment, { maxLength: 20 }).map((parts) => parts.join("")),
    fc.ipV4(),
    fc.ipV6(),
    fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
  );
  fc.assert(fc.property(text, (text) => {
    const length = parseIp(text)?.length;
    // The runtime also takes zone ids, which name a network card of one machine.
    const isAddress = !text.includes("%") && isIP(text);
    assert.equal(length, isAddress ? (isAddress === 4 ? 4 : 16) : undefined);
  }));
});

Deno.test("an IPv4-mapped address is the IPv4 address, and no other is changed", () => {
  assert.equal(formatIp(unmapped(parseIp("::ffff:10.0.0.1")!)), "10.0.0.1");
  for (const other of ["10.0.0.1", "::10.0.0.1", "::fffe:10.0.0.1", "1::ffff:10.0.0.1"]) {
    assert.deepEqual(unmapped(parseIp(other)!), parseIp(other));
  }
});

const ip = (text: string) => parseIp(text)!;

Deno.test("a network holds its first and last address and not the ones beside it", () => {
  const networks = [
    ["10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"],
    ["100.64.0.0/10", "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"],
    ["192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.6", "192.0.2.8"],
    ["fe80::/10", "fe80::", "febf:ffff::1", "fe7f:ffff::", "fec0::"],
    ["2001:db8::1/128", "2001:db8::1", "2001:db8::1", "2001:db8::", "2001:db8::2"],
  ];
  for (const [text, first, last, before, behind] of networks) {
    const network = parseCidr(text);
    for (const inside of [first, last]) assert.ok(contains(network, ip(inside)), inside);
    for (const outside of [before, behind]) assert.ok(!contains(network, ip(outside)), outside);
  }
});

Deno.test("the whole of a family is a network and holds nothing of the other family", () => {
  assert.ok(contains(parseCidr("0.0.0.0/0"), ip("255.1.2.3")));
  assert.ok(!contains(parseCidr("0.0.0.0/0"), ip("::")));
  assert.ok(!containsAny([parseCidr("::/0")], ip("0.0.0.0")));
});

Deno.test("a network that is none, or whose hidden bits are set, is refused", () => {
  const bad = ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10/8", "10.0.0.0/-1"];
  const slips = ["10.0.0.1/8", "100.96.0.0/10", "fe80::1/10", "0.0.0.1/0", "2001:db8:8000::/32"];
  for (const text of [...bad, ...slips]) {
    assert.throws(() => parseCidr(text), { name: "AddressFault", code: "bad_cidr" }, text);
  }
});

/** All bits as text: another way to say what a prefix is. */
const bitText = (bytes: Uint8Array) =>
  [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");

Deno.test("an address lies in a network exactly when it begins with the network's bits", () => {
  const family = (length: number) =>
    fc.tuple(
      fc.uint8Array({ minLength: length, maxLength: length }),
      fc.uint8Array({ minLength: length, maxLength: length }),
      fc.nat(8 * length),
      fc.nat(8 * length),
    );
  fc.assert(fc.property(fc.oneof(family(4), family(16)), ([a, b, bits, shared]) => {
    const network: Cidr = { base: a, bits };
    // The second address takes over so many leading bits of the first.
    const mixed = bitText(a).slice(0, shared) + bitText(b).slice(shared);
    const other = Uint8Array.from(mixed.match(/.{8}/g)!, (byte) => parseInt(byte, 2));
    const begins = bitText(other).startsWith(bitText(a).slice(0, bits));
    assert.equal(contains(network, other), begins);
  }));
});

Deno.test("any text is a network that is written as it was, or a refusal", () => {
  const part = fc.constantFrom("10.0.0.0", "::", "fe80::", "/", "8", "10", "128", "-", " ");
  const text = fc.oneof(
    fc.array(part, { maxLength: 4 }).map((parts) => parts.join("")),
    fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
  );
  fc.assert(fc.property(text, (text) => {
    try {
      const network = parseCidr(text);
      assert.ok(contains(network, network.base));
      const written = `${formatIp(network.base)}/${network.bits}`;
      assert.deepEqual(parseCidr(written), network);
    } catch (error) {
      if (!(error instanceof AddressFault)) throw error;
    }
  }));
});
