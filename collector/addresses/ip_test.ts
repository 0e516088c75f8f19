import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import { fromHex, toHex } from "../../shared/text.ts";
import { formatIp, parseIp, unmapped } from "./ip.ts";

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
    assert.equal(toHex(parseIp(text)!), bytes, text);
    assert.equal(formatIp(fromHex(bytes)), written);
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
