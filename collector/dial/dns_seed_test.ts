import assert from "node:assert/strict";
import fc from "fast-check";
import { publicKeyOf } from "../../shared/secp256k1.ts";
import { fromHex, toHex } from "../../shared/text.ts";
import { encodeBech32 } from "./bech32.ts";
import { askSeed, nodeIdOf, type SeedQuery, seedQueryName } from "./dns_seed.ts";
import { DnsFault, type Resolver, type Service } from "./resolver.ts";

const nodeKey = (n: number) => publicKeyOf(fromHex(n.toString(16).padStart(64, "0")));
const hostname = (n: number, seed = "seed.test") => `${encodeBech32("ln", nodeKey(n))}.${seed}.`;
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
  assert.equal(label, `l${encodeBech32("ln", fromHex(nodeId))}`);
});

Deno.test("a virtual hostname in BOLT 10 names a node, anything else none", () => {
  const example = "ln1qwktpe6jxltmpphyl578eax6fcjc2m807qalr76a5gfmx7k9qqfjwy4mctz";
  assert.match(nodeIdOf(`${example}.lseed.bitcoinstats.com.`)!, /^03acb0e75237d7b0/);
  const others = [
    "",
    ".",
    "lseed.bitcoinstats.com",
    example.replace("qw", "qv"),
    encodeBech32("lt", nodeKey(1)),
    encodeBech32("ln", nodeKey(1).subarray(1)),
    encodeBech32("ln", fromHex("02" + "ff".repeat(32))),
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
      `${toHex(nodeKey(1))} 203.0.113.1 9735`,
      `${toHex(nodeKey(1))} 203.0.113.2 9735`,
      `${toHex(nodeKey(2))} 2001:db8::2 9911`,
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
  const nodeId = toHex(nodeKey(1));
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
    fc.uint8Array({ minLength: 30, maxLength: 36 }).map((bytes) => encodeBech32("ln", bytes)),
  );
  fc.assert(fc.property(name, (name) => {
    const nodeId = nodeIdOf(name);
    if (nodeId !== null) assert.equal(encodeBech32("ln", fromHex(nodeId)), name.split(".", 1)[0]);
  }));
});
