import assert from "node:assert/strict";
import fc from "fast-check";
import { containsAny, formatIp, parseCidr, parseIp } from "../addresses/ip.ts";
import { DialRules } from "../addresses/dial_rules.ts";
import { HOST_KINDS, type HostKind, parseEndpoint } from "../addresses/endpoint.ts";
import { resolveEndpoint, ResolveFault } from "./resolve.ts";
import type { Resolver } from "./resolver.ts";
import { SPECIAL_NETWORKS } from "../addresses/public_address.ts";

const NODE = `02${"ab".repeat(32)}`;
const NAME = parseEndpoint("node.example.com:9735");

/** A resolver that gives these addresses for every name, and counts the questions. */
class FixedResolver implements Resolver {
  readonly asked: string[] = [];
  constructor(private readonly answer: readonly string[]) {}
  addresses(name: string, family: "ipv4" | "ipv6"): Promise<readonly string[]> {
    this.asked.push(`${name} ${family}`);
    return Promise.resolve(
      this.answer.filter((text) => text.includes(":") === (family === "ipv6")),
    );
  }
  services(): Promise<never> {
    throw new Error("no services are asked for");
  }
}

function resolve(
  resolver: Resolver,
  { rules = new DialRules(), kinds = HOST_KINDS as readonly HostKind[], end = NAME } = {},
) {
  const { signal } = new AbortController();
  return resolveEndpoint({ nodeId: NODE, end }, { rules, kinds: new Set(kinds), resolver, signal });
}

Deno.test("a name becomes the public ones of its addresses, each with the name's port", async () => {
  const resolver = new FixedResolver(["10.0.0.1", "9.9.9.9", "2600::1", "fd00::1"]);
  assert.deepEqual(await resolve(resolver), [
    { kind: "ipv4", host: "9.9.9.9", port: 9735 },
    { kind: "ipv6", host: "2600::1", port: 9735 },
  ]);
  assert.deepEqual(resolver.asked, ["node.example.com ipv4", "node.example.com ipv6"]);
});

Deno.test("addresses and onion services are not looked up", async () => {
  const onion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
  for (const text of ["9.9.9.9:1", "[2600::1]:2", `${onion}:3`]) {
    const resolver = new FixedResolver(["8.8.8.8"]);
    const end = parseEndpoint(text);
    assert.deepEqual(await resolve(resolver, { end }), [end]);
    assert.deepEqual(resolver.asked, []);
  }
});

Deno.test("a name is refused for what it resolves to, and the refusal says what that is", async () => {
  const cases = [
    [["127.0.0.1"], "special", /node\.example\.com .*127\.0\.0\.1 is loopback/],
    [["169.254.169.254"], "special", /metadata/],
    [["::ffff:10.0.0.1"], "special", /10\.0\.0\.1 is private/],
    [[], "no_address", /no address/],
    [["nonsense"], "no_address", /no address/],
  ] as const;
  for (const [answer, code, message] of cases) {
    await assert.rejects(resolve(new FixedResolver(answer)), { code, message });
  }
  const rules = new DialRules({ deny: ["9.9.9.0/24"] });
  await assert.rejects(resolve(new FixedResolver(["9.9.9.9"]), { rules }), { code: "denied" });
  const others = new DialRules({ allow: ["8.8.8.0/24"] });
  const only = await resolve(new FixedResolver(["9.9.9.9", "8.8.8.8"]), { rules: others });
  assert.deepEqual(only.map(({ host }) => host), ["8.8.8.8"]);
});

Deno.test("kinds that are off are neither dialled nor looked up", async () => {
  const resolver = new FixedResolver(["9.9.9.9", "2600::1"]);
  const found = await resolve(resolver, { kinds: ["dns", "ipv4"] });
  assert.deepEqual(found.map(({ kind }) => kind), ["ipv4"]);
  assert.deepEqual(resolver.asked, ["node.example.com ipv4"]);
  for (const [text, kinds] of [["9.9.9.9:1", ["ipv6"]], ["a.b:1", ["ipv4", "ipv6"]]] as const) {
    await assert.rejects(resolve(resolver, { end: parseEndpoint(text), kinds }), {
      code: "kind_off",
    });
  }
  // An IPv6 answer may hold an IPv4 address.
  await assert.rejects(resolve(new FixedResolver(["::ffff:9.9.9.9"]), { kinds: ["dns", "ipv6"] }), {
    code: "no_address",
  });
});

Deno.test("whatever DNS answers, only public addresses come out", async () => {
  const special = SPECIAL_NETWORKS.map(({ cidr }) => formatIp(cidr.base));
  const address = fc.oneof(
    fc.constantFrom(...special),
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((ip) => `::ffff:${ip}`),
    fc.string(),
  );
  const networks = SPECIAL_NETWORKS.map(({ cidr }) => cidr).concat(parseCidr("::ffff:0:0/96"));
  await fc.assert(fc.asyncProperty(fc.array(address, { maxLength: 40 }), async (answer) => {
    try {
      const found = await resolve(new FixedResolver(answer));
      assert.ok(found.length > 0 && found.length <= 16);
      for (const { kind, host } of found) {
        assert.ok(kind === "ipv4" || kind === "ipv6");
        assert.ok(!containsAny(networks, parseIp(host)!), host);
      }
    } catch (error) {
      if (!(error instanceof ResolveFault)) throw error;
    }
  }));
});
