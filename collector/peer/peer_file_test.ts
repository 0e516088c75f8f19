import assert from "node:assert/strict";
import fc from "fast-check";
import { endpoint, formatNodeAddress } from "../addresses/endpoint.ts";
import { publicKeyOf } from "../../shared/secp256k1.ts";
import { faultLines, MAX_PEER_LINES, parsePeerFile } from "./peer_file.ts";

/** The generator of secp256k1 (SEC 2), and 3 G. */
const KEY = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const OTHER = "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";

Deno.test("a peer file takes IPv4, IPv6 and DNS hosts, comments, blank lines and any line ends", () => {
  const text = `\ufeff# my peers\r\n\r\n  ${KEY.toUpperCase()}@192.0.2.7:9735  # the first\n` +
    `${KEY}@[2001:DB8::1]:9736\r${OTHER}@Node-1.Example.com:1\n`;
  const { peers, faults } = parsePeerFile(text);
  assert.deepEqual(faults, []);
  assert.deepEqual(peers, [
    { nodeId: KEY, end: { kind: "ipv4", host: "192.0.2.7", port: 9735 } },
    { nodeId: KEY, end: { kind: "ipv6", host: "2001:db8::1", port: 9736 } },
    { nodeId: OTHER, end: { kind: "dns", host: "node-1.example.com", port: 1 } },
  ]);
});

Deno.test("a peer named twice by the same line is one peer", () => {
  assert.equal(parsePeerFile(`${KEY}@a.b:1\n${KEY}@A.B:1\n${KEY}@a.b:2`).peers.length, 2);
});

Deno.test("all bad lines of a peer file are told at once, by number, and the others used", () => {
  const bad = [
    ["nonsense", /should be pubkey@host:port/],
    [`04${"ab".repeat(32)}@192.0.2.7:9735`, /66 hex digits that begin with 02 or 03/],
    [`02${"ff".repeat(32)}@192.0.2.7:9735`, /should be a public key/],
    [`${KEY}@192.0.2.7`, /has no port/],
    [`${KEY}@[2001:db8::1]`, /has no port/],
    [`${KEY}@192.0.2.7:0`, /port .* should be from 1 to 65535/],
    [`${KEY}@192.0.2.7:65536`, /port .* should be/],
    [`${KEY}@192.0.2.300:9735`, /should be an/],
    [`${KEY}@2001:db8::1:9735`, /an IPv6 address goes in brackets/],
    [`${KEY}@[fe80::1%eth0]:9735`, /should be an/],
    [`${KEY}@-a.example:9735`, /should be an/],
    [`${KEY}@:9735`, /should be an IPv4 address/],
    [`${KEY}@a..b:9735`, /should be an/],
    [`${KEY}@${"a".repeat(16)}.onion:9735`, /version 2|v2/],
    [`${KEY}@${"a".repeat(56)}.onion:9735`, /onion/],
  ] as const;
  const lines = [`${KEY}@ok.example:9735`, ...bad.map(([line]) => line), `${OTHER}@192.0.2.7:1`];
  const { peers, faults } = parsePeerFile(lines.join("\n"));
  assert.deepEqual(peers.map(({ end }) => end.host), ["ok.example", "192.0.2.7"]);
  assert.equal(faults.length, bad.length);
  for (const [i, [, why]] of bad.entries()) {
    assert.ok(faults[i].startsWith(`line ${i + 2}: `), faults[i]);
    assert.match(faults[i], why);
  }
});

Deno.test("faults are printable, and past the first twenty they are counted", () => {
  const { faults } = parsePeerFile("\u001b[31m\n".repeat(50));
  const shown = faultLines(faults);
  assert.equal(shown.length, 21);
  assert.equal(shown[0], '  line 1: "\\u{1b}[31m" should be pubkey@host:port');
  assert.equal(shown[20], "  and 30 more");
});

Deno.test("a file with more lines than the network could have is refused whole", () => {
  assert.throws(() => parsePeerFile("\n".repeat(MAX_PEER_LINES)), /100001 lines, at most 100000/);
});

const nodeId = fc.integer({ min: 1, max: 1e9 }).map((n) =>
  publicKeyOf(Uint8Array.fromHex(n.toString(16).padStart(64, "0"))).toHex()
);
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
const end = fc.record({
  host: fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((host) => host.toLowerCase()),
    fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
  ),
  port: fc.integer({ min: 1, max: 65535 }),
}).map(({ host, port }) => endpoint(host, port));
const peer = fc.record({ nodeId, end }, { noNullPrototype: true });

Deno.test("what is written as pubkey@host:port is read back the same", () => {
  fc.assert(fc.property(fc.uniqueArray(peer, { selector: (p) => p.nodeId }), (peers) => {
    const text = peers.map(formatNodeAddress).join("\n");
    assert.deepEqual(parsePeerFile(text), { peers, faults: [] });
  }));
});

Deno.test("any text is a list of peers and faults", () => {
  const fragment = fc.constantFrom(
    KEY,
    "@",
    "[",
    "]",
    ":",
    "::1",
    "9735",
    ".",
    "#",
    "\n",
    "-",
    "a",
  );
  const line = fc.oneof(fc.string({ unit: "binary" }), fc.array(fragment).map((a) => a.join("")));
  fc.assert(fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
    for (const { nodeId, end: { host, port } } of parsePeerFile(lines.join("\n")).peers) {
      assert.match(`${nodeId}@${host}:${port}`, /^0[23][0-9a-f]{64}@[0-9a-z.:-]+:\d+$/);
    }
  }));
});
