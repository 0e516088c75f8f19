import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../shared/errors.ts";
import { hostAndPort, MAX_PEER_LINES, parsePeerFile, type PeerAddress } from "./peer_file.ts";

const KEY = `02${"ab".repeat(32)}`;

function faultOf(text: string): string {
  try {
    parsePeerFile(text, "peers.txt");
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
  assert.fail("the text was taken");
}

Deno.test("a peer file takes IPv4, IPv6 and DNS hosts, comments, blank lines and any line ends", () => {
  const text = `\ufeff# my peers\r\n\r\n  ${KEY.toUpperCase()}@192.0.2.7:9735  # the first\n` +
    `${KEY}@[2001:DB8::1]:9736\r03${"0f".repeat(32)}@Node-1.Example.com:1\n`;
  assert.deepEqual(parsePeerFile(text, "peers.txt"), [
    { nodeId: KEY, host: "192.0.2.7", port: 9735 },
    { nodeId: KEY, host: "2001:db8::1", port: 9736 },
    { nodeId: `03${"0f".repeat(32)}`, host: "node-1.example.com", port: 1 },
  ]);
});

Deno.test("a peer named twice by the same line is one peer", () => {
  assert.equal(parsePeerFile(`${KEY}@a.b:1\n${KEY}@A.B:1\n${KEY}@a.b:2`, "x").length, 2);
});

Deno.test("all bad lines of a peer file are told at once, by number", () => {
  const bad = [
    "nonsense",
    `04${"ab".repeat(32)}@192.0.2.7:9735`,
    `${KEY}@192.0.2.7`,
    `${KEY}@[2001:db8::1]`,
    `${KEY}@192.0.2.7:0`,
    `${KEY}@192.0.2.7:65536`,
    `${KEY}@192.0.2.300:9735`,
    `${KEY}@2001:db8::1:9735`,
    `${KEY}@[fe80::1%eth0]:9735`,
    `${KEY}@-a.example:9735`,
    `${KEY}@:9735`,
    `${KEY}@a..b:9735`,
  ];
  const message = faultOf([`${KEY}@ok.example:9735`, ...bad].join("\n"));
  assert.match(message, /^Cannot use peer file peers\.txt: 12 bad lines\n/);
  const lines = message.split("\n").slice(1);
  assert.deepEqual(
    lines.map((line) => Number(line.match(/^ {2}line (\d+): /)?.[1])),
    bad.map((_, i) => i + 2),
  );
  assert.match(lines[0], /there is no @/);
  assert.match(lines[1], /public key should be 66 hex digits/);
  assert.match(lines[2], /no port/);
  assert.match(lines[3], /no port/);
  assert.match(lines[5], /port should be a number from 1 to 65535/);
  assert.match(lines[6], /host should be/);
});

Deno.test("bad lines past the first twenty are counted, and their text is made printable", () => {
  const message = faultOf("\u001b[31m\n".repeat(50));
  assert.ok(!message.includes("\u001b"));
  assert.match(message, /50 bad lines\n/);
  assert.match(message, /\n {2}and 30 more$/);
});

Deno.test("a file with more lines than the network could have is refused whole", () => {
  assert.match(faultOf("\n".repeat(MAX_PEER_LINES)), /100001 lines, at most 100000/);
});

const hex = fc.string({
  unit: fc.constantFrom(..."0123456789abcdef"),
  minLength: 64,
  maxLength: 64,
});
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
const peer: fc.Arbitrary<PeerAddress> = fc.record({
  nodeId: fc.tuple(fc.constantFrom("02", "03"), hex).map(([prefix, rest]) => prefix + rest),
  host: fc.oneof(
    fc.ipV4(),
    fc.ipV6().map((host) => host.toLowerCase()),
    fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
  ),
  port: fc.integer({ min: 1, max: 65535 }),
}, { noNullPrototype: true });

Deno.test("what is written as pubkey@host:port is read back the same", () => {
  fc.assert(fc.property(fc.uniqueArray(peer, { selector: (p) => p.nodeId }), (peers) => {
    const text = peers.map((p) => `${p.nodeId}@${hostAndPort(p)}`).join("\n");
    assert.deepEqual(parsePeerFile(text, "x"), peers);
  }));
});

Deno.test("any text is a list of peers or a UserError", () => {
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
  fc.assert(fc.property(fc.array(line), (lines) => {
    try {
      for (const { nodeId, host, port } of parsePeerFile(lines.join("\n"), "x")) {
        assert.match(`${nodeId}@${host}:${port}`, /^0[23][0-9a-f]{64}@[0-9a-z.:-]+:\d+$/);
      }
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
    }
  }));
});
