// From an endpoint to a TCP stream, on loopback.

import assert from "node:assert/strict";
import { type Connected, type ConnectOptions, connectTo } from "../../collector/dial/connect.ts";
import { DialRules } from "../../collector/addresses/dial_rules.ts";
import { type Endpoint, HOST_KINDS, parseEndpoint } from "../../collector/addresses/endpoint.ts";
import { dnsResolver, type Resolver } from "../../collector/dial/resolver.ts";
import { systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../../shared/random.ts";
import { startDnsServer } from "../support/servers/dns_server.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** The generator of secp256k1 (SEC 2). */
const NODE = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const ONION = parseEndpoint("2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion:9735");
const LOOPBACK = new DialRules({ opened: ["127.0.0.0/8"] });

const listen = () => Deno.listen({ hostname: "127.0.0.1", port: 0 });
const portOf = (listener: Deno.Listener) => (listener.addr as Deno.NetAddr).port;

/** A port that nobody listens at. */
function closedPort(): number {
  using listener = listen();
  return portOf(listener);
}

/** A resolver with one answer for all names, which counts the questions. */
class FixedResolver implements Resolver {
  asked = 0;
  constructor(private readonly answer: readonly string[]) {}
  addresses(_: string, family: "ipv4" | "ipv6"): Promise<readonly string[]> {
    this.asked++;
    return Promise.resolve(family === "ipv4" ? this.answer : []);
  }
  services(): Promise<never> {
    throw new Error("no services are asked for");
  }
}

function connect(end: Endpoint, options: Partial<ConnectOptions> = {}): Promise<Connected> {
  return connectTo({ nodeId: NODE, end }, {
    rules: LOOPBACK,
    kinds: new Set(HOST_KINDS),
    resolver: new FixedResolver([]),
    clock: systemClock,
    random: seededRandom(1),
    timeoutMs: 30_000,
    signal: new AbortController().signal,
    ...options,
  });
}

const refusal = (end: string, code: string, options: Partial<ConnectOptions> = {}) =>
  assert.rejects(connect(parseEndpoint(end), options), { name: "ConnectFault", code });

/** A SOCKS5 proxy that takes any credentials and answers with `reply`, then sends what it was told back. */
async function serveSocks5(
  listener: Deno.Listener,
  reply: readonly number[],
): Promise<{ login: string; request: Uint8Array }> {
  using conn = await listener.accept();
  const read = async (length: number) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) at += await conn.read(bytes.subarray(at)) ?? assert.fail();
    return bytes;
  };
  await read(3);
  await conn.write(Uint8Array.of(5, 2));
  const username = await read((await read(2))[1]);
  const password = await read((await read(1))[0]);
  await conn.write(Uint8Array.of(1, 0));
  const request = await read(5 + ONION.host.length + 2);
  await conn.write(Uint8Array.from(reply));
  while (await conn.read(new Uint8Array(99)) !== null);
  return {
    login: [username, password].map((text) => new TextDecoder().decode(text)).join(),
    request,
  };
}

Deno.test("a name is looked up once, and the address that was checked is dialled", async () => {
  using listener = listen();
  await using server = await startDnsServer({ addresses: { "node.test": ["127.0.0.1"] } });
  const accepted = listener.accept();
  const { conn, end } = await connect(parseEndpoint(`node.test:${portOf(listener)}`), {
    resolver: dnsResolver(server.nameServer),
  });
  (await accepted).close();
  conn.close();
  assert.deepEqual(end, parseEndpoint(`127.0.0.1:${portOf(listener)}`));
  const questions = server.questions().filter((line) => line.startsWith("query[A] "));
  assert.equal(questions.length, 1);
});

Deno.test("a private address is not dialled, whether told or resolved", async () => {
  using listener = listen();
  const port = portOf(listener);
  const rules = new DialRules();
  const resolver = new FixedResolver(["127.0.0.1"]);
  await refusal(`127.0.0.1:${port}`, "special", { rules });
  await refusal(`[::ffff:127.0.0.1]:${port}`, "special", { rules });
  await refusal(`node.test:${port}`, "special", { rules, resolver });
  await refusal(`localhost:${port}`, "special", { rules, resolver });
  await refusal(`127.0.0.1:${port}`, "denied", {
    rules: new DialRules({ opened: ["127.0.0.0/8"], deny: [NODE] }),
  });
  // The first that arrives is this one: none of those above was dialled.
  const accepted = listener.accept();
  const own = await Deno.connect({ hostname: "127.0.0.1", port });
  const first = await accepted;
  assert.deepEqual(first.remoteAddr, own.localAddr);
  first.close();
  own.close();
});

Deno.test("of a name's addresses the first that takes a connection is used", async () => {
  using listener = listen();
  // The tests may not dial 127.0.0.2.
  const resolver = new FixedResolver(["127.0.0.2", "127.0.0.1"]);
  const accepted = listener.accept();
  const { conn, end } = await connect(parseEndpoint(`node.test:${portOf(listener)}`), { resolver });
  (await accepted).close();
  conn.close();
  assert.equal(end.host, "127.0.0.1");
  const many = new FixedResolver(["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1"]);
  await refusal(`node.test:${portOf(listener)}`, "not_permitted", { resolver: many });
});

Deno.test("every way not to connect has its code", async () => {
  const port = closedPort();
  await refusal(`127.0.0.1:${port}`, "unreachable");
  await refusal("127.0.0.2:9735", "not_permitted");
  await refusal("node.test:9735", "no_address");
  await refusal("127.0.0.1:9735", "kind_off", { kinds: new Set(["onion"]) });
  const resolver = dnsResolver({ ip: "127.0.0.2", port: 53 });
  await refusal("node.test:9735", "dns_not_permitted", { resolver });
  const onion = `${ONION.host}:9735`;
  await refusal(onion, "no_proxy");
  await refusal(onion, "proxy", { proxy: parseEndpoint(`127.0.0.1:${port}`) });
  await refusal(onion, "proxy", { proxy: parseEndpoint("127.0.0.2:9050") });
});

Deno.test("what takes too long is given up, and so is what is no longer wanted", async () => {
  const silent: Resolver = {
    addresses: (_name, _family, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
    services: () => assert.fail(),
  };
  const clock = new ManualClock();
  // A name server out of order is not the fault of the peer.
  const late = refusal("node.test:9735", "dns_failed", { resolver: silent, clock });
  await clock.advance(30_000);
  await late;
  const stop = new AbortController();
  const given = connect(parseEndpoint("node.test:9735"), {
    resolver: silent,
    signal: stop.signal,
    clock,
  });
  stop.abort(new Error("enough"));
  await assert.rejects(given, /enough/);
  assert.equal(clock.sleeping, 0);

  // A proxy that accepts and says nothing.
  using listener = listen();
  const accepted = listener.accept();
  const proxy = parseEndpoint(`127.0.0.1:${portOf(listener)}`);
  const stuck = refusal(`${ONION.host}:9735`, "timeout", { proxy, clock });
  using conn = await accepted;
  assert.equal(await conn.read(new Uint8Array(3)), 3);
  await clock.advance(30_000);
  await stuck;
});

Deno.test("onion services are reached through the proxy, each stream with credentials of its own", async () => {
  using listener = listen();
  const proxy = parseEndpoint(`127.0.0.1:${portOf(listener)}`);
  const random = seededRandom(7);
  const logins = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const serving = serveSocks5(listener, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    const { conn, end } = await connect(ONION, { proxy, random });
    conn.close();
    const { login, request } = await serving;
    logins.add(login);
    assert.deepEqual(end, ONION);
    assert.equal(new TextDecoder().decode(request.subarray(5, -2)), ONION.host);
  }
  assert.equal(logins.size, 5);
});

Deno.test("a proxy's word on the onion service is told from trouble with the proxy", async () => {
  using listener = listen();
  const proxy = parseEndpoint(`127.0.0.1:${portOf(listener)}`);
  for (const [reply, code] of [[4, "unreachable"], [0xf0, "unreachable"], [2, "proxy"]] as const) {
    const serving = serveSocks5(listener, [5, reply, 0, 1]);
    await refusal(`${ONION.host}:9735`, code, { proxy });
    await serving;
  }
});
