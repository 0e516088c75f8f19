// DNS seeds and names against a real DNS server.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
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
  // The second time over TCP: the runtime does not say whether there is no such name.
  assert.deepEqual(server.questions().filter((line) => line.includes("nowhere")).sort(), [
    "query[AAAA] nowhere.test from 127.0.0.1",
    "query[AAAA] nowhere.test from 127.0.0.1",
    "query[A] nowhere.test from 127.0.0.1",
    "query[A] nowhere.test from 127.0.0.1",
  ]);
  await assert.rejects(resolve("node.invalid"), {
    code: "dns_failed",
    message: "node.invalid: the name server 127.0.0.1 answers REFUSED",
  });
});

/** A name server that answers every question with this code, over UDP and TCP. */
async function answerAll(code: number): Promise<AsyncDisposable & { ip: string; port: number }> {
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = tcp.addr as Deno.NetAddr;
  const udp = createSocket("udp4");
  const answerTo = (question: Uint8Array) => {
    const answer = question.slice();
    answer[2] |= 0x80;
    answer[3] = 0x80 | code;
    return answer;
  };
  udp.on("message", (question, from) => udp.send(answerTo(question), from.port, from.address));
  await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
  const serving = (async () => {
    for await (const conn of tcp) {
      const question = new Uint8Array(512);
      const length = await conn.read(question) ?? 0;
      const answer = answerTo(question.subarray(2, length));
      await conn.write(Uint8Array.from([0, answer.length, ...answer]));
      conn.close();
    }
  })();
  return {
    ip: "127.0.0.1",
    port,
    async [Symbol.asyncDispose]() {
      tcp.close();
      await serving;
      await new Promise<void>((resolve) => udp.close(() => resolve()));
    },
  };
}

Deno.test("a name server that is out of order is a fault, and no answer of a name", async () => {
  for (const [code, what] of [[2, "SERVFAIL"], [5, "REFUSED"], [1, "FORMERR"]] as const) {
    await using server = await answerAll(code);
    const resolver = dnsResolver(server);
    const fault = { name: "DnsFault", code: "dns_failed" };
    const message = `a.test: the name server 127.0.0.1 answers ${what}`;
    await assert.rejects(resolver.addresses("a.test", "ipv4", signal), { ...fault, message });
    await assert.rejects(resolver.services("a.test", signal), { ...fault, message });
    const query: SeedQuery = { seed: "seed.test", families: BOTH };
    await assert.rejects(askSeed(query, resolver, signal), fault, "so that a warning says so");
  }
  await using server = await answerAll(3);
  assert.deepEqual(await dnsResolver(server).addresses("a.test", "ipv6", signal), []);
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
