/**
 * DNS seeds and names against a real DNS server.
 *
 * @module
 */
import assert from "node:assert/strict";
import { bech32 } from "@scure/base";
import { askSeed, type SeedQuery } from "../../collector/dial/dns_seed.ts";
import { DialRules } from "../../collector/addresses/dial_rules.ts";
import { formatEndpoint, HOST_KINDS, parseEndpoint } from "../../collector/addresses/endpoint.ts";
import { resolveEndpoint } from "../../collector/dial/resolve.ts";
import { dnsResolver } from "../../collector/dial/resolver.ts";
import { startDnsServer } from "../support/servers/dns_server.ts";
import { testKey } from "../support/fixtures/signed_gossip.ts";

const { signal } = new AbortController();
const BOTH: SeedQuery["families"] = new Set(["ipv4", "ipv6"]);

const node = (n: number) => testKey(`seed node ${n}`);
const hostname = (n: number) => `${bech32.encodeFromBytes("ln", node(n).publicKey)}.seed.test`;
const nodes = Array.from({ length: 60 }, (_, n) => n);

Deno.test("a seed's nodes are asked for by conditions, and come with their addresses", async () => {
  await using server = await startDnsServer({
    // Sixty are too many for one UDP answer.
    services: nodes.map((n) => ({
      name: "r0.a6.n60.seed.test",
      target: hostname(n),
      port: 9735 + n,
    })),
    addresses: Object.fromEntries(
      nodes.map((n) => [
        hostname(n),
        n % 3 === 0 ? [`203.0.113.${n}`, `2001:db8::${n}`] : [`203.0.113.${n}`],
      ]),
    ),
  });
  const resolver = dnsResolver(server.nameServer);
  const query = { seed: "seed.test", families: BOTH, count: 60 };
  const answer = await askSeed(query, resolver, signal);
  const expected = nodes.flatMap((n) => {
    const ipv4 = `${node(n).id}@203.0.113.${n}:${9735 + n}`;
    return n % 3 === 0
      ? [ipv4, `${node(n).id}@${formatEndpoint(parseEndpoint(`[2001:db8::${n}]:${9735 + n}`))}`]
      : [ipv4];
  });
  const found = answer.nodes.map(({ nodeId, end }) => `${nodeId}@${formatEndpoint(end)}`);
  assert.deepEqual(found.sort(), expected.sort());
  assert.equal(answer.badRecords, 0);
  assert.equal(answer.unresolved, 0);
  const only = { ...query, families: new Set(["ipv6"] as const) };
  assert.deepEqual((await askSeed(only, resolver, signal)).nodes, [], "other conditions");
});

Deno.test("a seed without conditions is asked by its alias; one node is asked for by its id", async () => {
  await using server = await startDnsServer({
    services: [
      { name: "_nodes._tcp.seed.test", target: hostname(1), port: 9735 },
      { name: `r0.a2.l${hostname(2)}`, target: hostname(2), port: 9736 },
    ],
    addresses: { [hostname(1)]: ["203.0.113.1"], [hostname(2)]: ["203.0.113.2"] },
  });
  const resolver = dnsResolver(server.nameServer);
  const query: SeedQuery = { seed: "seed.test", families: new Set(["ipv4"]) };
  const [any] = (await askSeed(query, resolver, signal)).nodes;
  assert.deepEqual([any.nodeId, formatEndpoint(any.end)], [node(1).id, "203.0.113.1:9735"]);
  const [one] = (await askSeed({ ...query, nodeId: node(2).id }, resolver, signal)).nodes;
  assert.deepEqual([one.nodeId, formatEndpoint(one.end)], [node(2).id, "203.0.113.2:9736"]);
});

Deno.test("names are asked for as they are, and their addresses held against the rules", async () => {
  await using server = await startDnsServer({
    addresses: {
      "public.test": ["203.0.113.7", "9.9.9.9", "2600::7"],
      "private.test": ["127.0.0.1", "::1", "10.0.0.1"],
    },
  });
  const options = {
    rules: new DialRules(),
    kinds: new Set(HOST_KINDS),
    resolver: dnsResolver(server.nameServer),
    signal,
  };
  const resolve = (name: string) =>
    resolveEndpoint({ nodeId: node(1).id, end: parseEndpoint(`${name}:9735`) }, options);
  assert.deepEqual((await resolve("public.test")).map(formatEndpoint), [
    "9.9.9.9:9735",
    "[2600::7]:9735",
  ]);
  await assert.rejects(resolve("private.test"), { name: "ResolveFault", code: "special" });
  await assert.rejects(resolve("nowhere.test"), { code: "no_address" });
  assert.deepEqual(server.questions().filter((line) => line.includes("nowhere")), [
    "query[A] nowhere.test from 127.0.0.1",
    "query[AAAA] nowhere.test from 127.0.0.1",
  ]);
});

Deno.test("a resolver that is silent or out of bounds is a fault", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const stop = new AbortController();
  const asked = dnsResolver({ ip: "127.0.0.1", port }).addresses("a.test", "ipv4", stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(asked, /enough/);
  silent.close();
  // The tests may reach 127.0.0.1 and nothing else.
  const elsewhere = dnsResolver({ ip: "127.0.0.2", port: 53 });
  const query: SeedQuery = { seed: "seed.test", families: BOTH };
  for (
    const question of [
      elsewhere.addresses("a.test", "ipv4", signal),
      elsewhere.services("a.test", signal),
      askSeed(query, elsewhere, signal),
    ]
  ) {
    await assert.rejects(question, { name: "DnsFault", code: "dns_not_permitted" });
  }
});
