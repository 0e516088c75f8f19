import assert from "node:assert/strict";
import fc from "fast-check";
import { type Cidr, contains, formatIp, parseCidr, parseIp } from "./ip.ts";
import { notPublic, SPECIAL_NETWORKS } from "./public_address.ts";

const refusal = (text: string, ...opened: string[]) =>
  notPublic(parseIp(text)!, opened.map(parseCidr));

Deno.test("public addresses may be dialled", () => {
  const addresses = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.169.0.0",
    "198.17.255.255",
    "223.255.255.255",
    "2000::1",
    "2001:200::1",
    "2600:1f18::1",
    "2a02:aa16:1105:4a80:1234:1234:37c1:9c9",
    "3ffe:ffff::1",
    "::ffff:1.1.1.1",
    "64:ff9b::8.8.8.8",
  ];
  for (const address of addresses) assert.equal(refusal(address), null, address);
});

Deno.test("addresses of special networks are refused, by name", () => {
  const addresses: [string, RegExp][] = [
    ["0.0.0.0", /0\.0\.0\.0 is this host/],
    ["10.1.2.3", /private/],
    ["100.64.0.1", /carrier's NAT/],
    ["100.100.100.200", /metadata/],
    ["127.0.0.1", /loopback/],
    ["127.255.255.254", /loopback/],
    ["168.63.129.16", /metadata/],
    ["169.254.169.254", /metadata/],
    ["169.254.1.1", /link-local/],
    ["172.16.0.1", /private/],
    ["172.31.255.255", /private/],
    ["192.0.0.192", /protocol/],
    ["192.168.1.1", /private/],
    ["198.19.255.255", /benchmarks/],
    ["203.0.113.5", /documentation/],
    ["224.0.0.1", /multicast/],
    ["255.255.255.255", /reserved/],
    ["::", /unspecified/],
    ["::1", /loopback/],
    ["fd00:ec2::254", /metadata/],
    ["fc00::1", /unique local/],
    ["fdff::1", /unique local/],
    ["fe80::1", /link-local/],
    ["fec0::1", /site-local/],
    ["ff02::1", /multicast/],
    ["2001:db8::1", /documentation/],
    ["3fff:fff::1", /documentation/],
    ["100::1", /discarded/],
    ["200:1234::1", /not assigned/],
    ["4000::1", /not assigned/],
    ["64:ff9b:2::1", /not assigned/],
  ];
  for (const [address, what] of addresses) assert.match(refusal(address) ?? "", what, address);
});

Deno.test("a private IPv4 address is refused in every form that carries it", () => {
  for (const address of ["::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::1"]) {
    assert.notEqual(refusal(address), null, address);
  }
  // Opening the tunnel does not open what lies behind it.
  const teredo = "2001:0:a00:1:0:0:f7f7:f7f7";
  assert.match(refusal("2002:a00:1::1", "2002::/16")!, /10\.0\.0\.1 is private/);
  assert.match(refusal(teredo, "2001::/32")!, /10\.0\.0\.1 is private/);
  assert.match(refusal("2001:0:808:808:0:0:80ff:fffe", "2001::/32")!, /127\.0\.0\.1 is loopback/);
  assert.match(refusal("64:ff9b:1::10.0.0.1", "64:ff9b:1::/48")!, /10\.0\.0\.1 is private/);
  assert.match(refusal("::169.254.169.254", "::/96")!, /metadata/);
  assert.equal(refusal("2002:a00:1::1", "2002::/16", "10.0.0.0/8"), null);
});

Deno.test("opening a network opens that one alone", () => {
  assert.equal(refusal("127.0.0.1", "127.0.0.0/8"), null);
  assert.equal(refusal("::ffff:127.0.0.1", "127.0.0.0/8"), null);
  assert.notEqual(refusal("10.0.0.1", "127.0.0.0/8"), null);
  assert.notEqual(refusal("::1", "127.0.0.0/8"), null);
  assert.equal(refusal("fd12::7", "fd12::/16"), null);
  assert.notEqual(refusal("fd13::7", "fd12::/16"), null);
});

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** An address of a network: the network's bits, then any. */
function within({ base, bits }: Cidr, random: Uint8Array): Uint8Array {
  return base.map((byte, i) => {
    const free = 0xff >> Math.min(Math.max(bits - 8 * i, 0), 8);
    return byte | (random[i] & free);
  });
}

Deno.test("no address of a special network may be dialled, nor what carries it", () => {
  const special = fc.constantFrom(...SPECIAL_NETWORKS);
  fc.assert(fc.property(special, octets(16), ({ cidr }, random) => {
    const ip = within(cidr, random);
    assert.notEqual(notPublic(ip), null);
    if (ip.length === 16) return;
    const text = formatIp(ip);
    for (const form of [`::ffff:${text}`, `64:ff9b::${text}`, `::${text}`]) {
      assert.notEqual(refusal(form), null, form);
    }
  }));
});

Deno.test("what may be dialled is IPv4 of no special network, or IPv6 in 2000::/3 or behind NAT64", () => {
  const global = parseCidr("2000::/3");
  const nat64 = parseCidr("64:ff9b::/96");
  const mapped = parseCidr("::ffff:0:0/96");
  const starts = fc.constantFrom("::", "64:ff9b::", "::ffff:0:0", "2000::", "2001::", "fc00::")
    .map((text) => parseIp(text)!);
  const ip = fc.oneof(
    octets(4),
    octets(16),
    fc.tuple(starts, octets(4)).map(([start, end]) =>
      Uint8Array.from([...start.slice(0, 12), ...end])
    ),
  );
  fc.assert(fc.property(ip, (ip) => {
    if (notPublic(ip) !== null) return;
    assert.ok(!SPECIAL_NETWORKS.some(({ cidr }) => contains(cidr, ip)));
    if (ip.length === 4) return;
    if (contains(global, ip)) return;
    assert.ok(contains(nat64, ip) || contains(mapped, ip), formatIp(ip));
    assert.equal(notPublic(ip.subarray(12)), null);
  }));
});
