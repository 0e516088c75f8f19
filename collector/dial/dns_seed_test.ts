import assert from "node:assert/strict";
import { bech32 } from "@scure/base";
import fc from "fast-check";
import { publicKeyOf } from "../../shared/secp256k1.ts";
import { askSeed, nodeIdOf, type SeedQuery, seedQueryName } from "./dns_seed.ts";
import { DnsFault, type Resolver, type Service } from "./resolver.ts";

const nodeKey = (n: number) => publicKeyOf(Uint8Array.fromHex(n.toString(16).padStart(64, "0")));
const hostname = (n: number, seed = "seed.test") =>
  `${bech32.encodeFromBytes("ln", nodeKey(n))}.${seed}.`;
const QUERY: SeedQuery = { seed: "seed.test", families: new Set(["ipv4", "ipv6"]) };
const { signal } = new AbortController();

/** A resolver with these answers; a fault is thrown. */
function resolver(answers: Record<string, readonly Service[] | readonly string[] | DnsFault>) {
  const asked: string[] = [];
  const answer = (name: string) => {
    asked.push(name);
    const found = answers[name] ?? [];
    return found instanceof DnsFault ? Promise.reject(found) : Promise.resolve(found);
  };
  const self: Resolver = {
    addresses: (name, family) => answer(`${family} ${name}`) as Promise<string[]>,
    services: (name) => answer(name) as Promise<Service[]>,
  };
  return { ...self, asked };
}

const failed = new DnsFault("dns_failed", "no answer");

Deno.test("a query has realm, address types, count and node as its conditions", () => {
  assert.equal(seedQueryName(QUERY), "r0.a6.seed.test");
  assert.equal(seedQueryName({ ...QUERY, families: new Set(["ipv4"]) }), "r0.a2.seed.test");
  assert.equal(
    seedQueryName({ ...QUERY, families: new Set(["ipv6"]), count: 50 }),
    "r0.a4.n50.seed.test",
  );
  const nodeId = "03acb0e5d237d7b0864fdfa78fec934cd156b0f77f0e1bfd1cda3be82c5f2a0"
    .padEnd(66, "0");
  const [label] = seedQueryName({ ...QUERY, nodeId }).split(".").slice(2);
  assert.equal(label.length, 63, "as long as a label may be");
  assert.equal(label, `l${bech32.encodeFromBytes("ln", Uint8Array.fromHex(nodeId))}`);
});

Deno.test("a virtual hostname in BOLT 10 names a node, anything else none", () => {
  const example = "ln1qwktpe6jxltmpphyl578eax6fcjc2m807qalr76a5gfmx7k9qqfjwy4mctz";
  assert.match(nodeIdOf(`${example}.lseed.bitcoinstats.com.`)!, /^03acb0e75237d7b0/);
  const others = [
    "",
    ".",
    "lseed.bitcoinstats.com",
    example.replace("qw", "qv"),
    bech32.encodeFromBytes("lt", nodeKey(1)),
    bech32.encodeFromBytes("ln", nodeKey(1).subarray(1)),
    bech32.encodeFromBytes("ln", Uint8Array.fromHex("02" + "ff".repeat(32))),
  ];
  for (const name of others) assert.equal(nodeIdOf(name), null, name);
});

Deno.test("a seed's records become nodes with addresses of the families asked for", async () => {
  const dns = resolver({
    "r0.a6.seed.test": [
      { target: hostname(1), port: 9735 },
      { target: hostname(2), port: 9911 },
      { target: hostname(3), port: 9735 },
      { target: hostname(4), port: 0 },
      { target: "www.seed.test.", port: 9735 },
    ],
    [`ipv4 ${hostname(1)}`]: ["203.0.113.1", "203.0.113.2", "nonsense"],
    [`ipv6 ${hostname(1)}`]: failed,
    [`ipv6 ${hostname(2)}`]: ["2001:db8::2"],
  });
  const { nodes, badRecords, unresolved } = await askSeed(QUERY, dns, signal);
  assert.deepEqual(
    nodes.map(({ nodeId, end }) => `${nodeId} ${end.host} ${end.port}`).sort(),
    [
      `${nodeKey(1).toHex()} 203.0.113.1 9735`,
      `${nodeKey(1).toHex()} 203.0.113.2 9735`,
      `${nodeKey(2).toHex()} 2001:db8::2 9911`,
    ].sort(),
  );
  assert.equal(badRecords, 2);
  assert.equal(unresolved, 1);
});

Deno.test("a seed that does not know conditions is asked by its alias", async () => {
  for (const first of [[], failed]) {
    const dns = resolver({
      "r0.a6.seed.test": first,
      "_nodes._tcp.seed.test": [{ target: hostname(1), port: 9735 }],
      [`ipv4 ${hostname(1)}`]: ["203.0.113.1"],
    });
    assert.equal((await askSeed(QUERY, dns, signal)).nodes.length, 1);
  }
  const none = resolver({});
  const nodeId = nodeKey(1).toHex();
  assert.deepEqual((await askSeed({ ...QUERY, nodeId }, none, signal)).nodes, []);
  assert.equal(none.asked.length, 1, "the alias names any node");
});

Deno.test("a seed that cannot be asked is a fault", async () => {
  const dns = resolver({ "r0.a6.seed.test": failed });
  await assert.rejects(askSeed(QUERY, dns, signal), failed);
});

Deno.test("however much a seed says, at most 100 records of it are followed", async () => {
  const records = Array.from({ length: 300 }, () => ({ target: hostname(1), port: 9735 }));
  const addresses = Array.from({ length: 300 }, (_, i) => `203.0.113.${i % 256}`);
  const dns = resolver({ "r0.a6.seed.test": records, [`ipv4 ${hostname(1)}`]: addresses });
  const { nodes } = await askSeed(QUERY, dns, signal);
  assert.equal(nodes.length, 400);
  assert.equal(dns.asked.length, 201);
});

Deno.test("any hostname names a node or none", () => {
  const name = fc.oneof(
    fc.string(),
    fc.uint8Array({ minLength: 30, maxLength: 36 }).map((bytes) =>
      bech32.encodeFromBytes("ln", bytes)
    ),
  );
  fc.assert(fc.property(name, (name) => {
    const nodeId = nodeIdOf(name);
    if (nodeId !== null) {
      assert.equal(bech32.encodeFromBytes("ln", Uint8Array.fromHex(nodeId)), name.split(".", 1)[0]);
    }
  }));
});

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
    const nodeId = nodeIdOf(text)!;
    assert.match(nodeId, /^0[23][0-9a-f]{64}$/);
    assert.equal(bech32.encodeFromBytes("ln", Uint8Array.fromHex(nodeId)), text);
    assert.equal(nodeIdOf(text.toUpperCase()), nodeId);
  }
});

Deno.test("BIP 173's valid strings have a right checksum, its invalid ones are refused", () => {
  // Of the valid ones, those whose digits are whole bytes.
  for (const text of ["A12UEL5L", "a12uel5l", "?1ezyfcl"]) assert.equal(bytesOf(text)!.length, 0);
  const bytes = bytesOf("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw")!;
  assert.equal(bytes.toHex(), "00443214c74254b635cf84653a56d7c675be77df");
  const invalid = [
    "\x201nwldj5",
    "\x7f1axkwrx",
    "\x801eym55h",
    `an84${"characters".repeat(8)}1569pvx`,
    "pzry9x0s0muk",
    "1pzry9x0s0muk",
    "x1b4n0q5v",
    "li1dgmt3",
    "de1lg7wt\xff",
    "A1G7SGD8",
    "10a06t8",
    "1qzzfhee",
    "A12uEL5L",
    // BIP 350's own: bech32m.
    "A1LQFN3A",
    // A Bitcoin address: right, and one digit more than whole bytes.
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
  ];
  for (const text of invalid) assert.equal(bytesOf(text), null, text);
});

Deno.test("up to four changed digits of a node id are noticed", () => {
  const changes = fc.array(
    fc.tuple(fc.nat(), fc.constantFrom(..."qpzry9x8gf2tvdw0s3jn54khce6mua7l")),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(fc.property(fc.integer({ min: 1, max: 1000 }), changes, (n, changes) => {
    const text = bech32.encodeFromBytes("ln", nodeKey(n));
    assert.equal(nodeIdOf(text), nodeKey(n).toHex());
    const digits = [...text];
    for (const [at, digit] of changes) digits[3 + at % (digits.length - 3)] = digit;
    const changed = digits.join("");
    if (changed !== text) assert.equal(nodeIdOf(changed), null);
  }));
});

Deno.test("any hostname names a node as it would be written, or none", () => {
  const text = fc.oneof(
    fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
    fc.tuple(fc.constantFrom("ln1", "1", "LN1"), fc.stringMatching(/^[qpzry9x8]{0,70}$/))
      .map((parts) => parts.join("")),
  );
  fc.assert(fc.property(text, (text) => {
    const nodeId = nodeIdOf(text);
    if (nodeId === null) return;
    const [label] = text.split(".", 1);
    assert.equal(bech32.encodeFromBytes("ln", Uint8Array.fromHex(nodeId)), label.toLowerCase());
  }));
});

/** What a bech32 text carries; null when it is refused. */
function bytesOf(text: string): Uint8Array | null {
  const decoded = bech32.decodeUnsafe(text);
  return decoded && bech32.fromWordsUnsafe(decoded.words) || null;
}
