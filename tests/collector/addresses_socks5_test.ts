// SOCKS5 over real sockets: against microsocks, and against a proxy of the test's own for what microsocks has not.

import assert from "node:assert/strict";
import { type Endpoint, parseEndpoint } from "../../collector/addresses/endpoint.ts";
import { speakSocks5 } from "../../collector/dial/socks5_client.ts";
import { startMicrosocks } from "../support/servers/microsocks.ts";

const CREDENTIALS = { username: "collector", password: "one circuit" };
const ONION = parseEndpoint("2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion:9735");
const { signal: never } = new AbortController();

const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });
const portOf = (listener: Deno.Listener) => (listener.addr as Deno.NetAddr).port;
const listen = () => Deno.listen({ hostname: "127.0.0.1", port: 0 });

async function readText(conn: Deno.Conn, length: number): Promise<string> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    at += await conn.read(bytes.subarray(at)) ?? assert.fail("it ended");
  }
  return new TextDecoder().decode(bytes);
}

const write = (conn: Deno.Conn, text: string) => conn.write(new TextEncoder().encode(text));

Deno.test("a stream through microsocks carries bytes both ways", async () => {
  await using proxy = await startMicrosocks(CREDENTIALS);
  using listener = listen();
  using conn = await connect(proxy.port);
  const target = parseEndpoint(`127.0.0.1:${portOf(listener)}`);
  const accepted = listener.accept();
  await speakSocks5(conn, target, CREDENTIALS, never);
  using peer = await accepted;
  await write(conn, "act one");
  assert.equal(await readText(peer, 7), "act one");
  await write(peer, "act two");
  assert.equal(await readText(conn, 7), "act two");
});

Deno.test("microsocks' refusals have their codes, and the socket is closed", async () => {
  await using guarded = await startMicrosocks(CREDENTIALS);
  await using open = await startMicrosocks();
  const closed = listen();
  const nobody = parseEndpoint(`127.0.0.1:${portOf(closed)}`);
  closed.close();
  const stranger = { username: "somebody", password: "else" };
  const cases = [
    [guarded.port, stranger, "bad_credentials"],
    [open.port, CREDENTIALS, "no_method"],
    [guarded.port, CREDENTIALS, "connection_refused"],
  ] as const;
  for (const [port, credentials, code] of cases) {
    const conn = await connect(port);
    await assert.rejects(speakSocks5(conn, nobody, credentials, never), {
      name: "Socks5Fault",
      code,
    });
    await assert.rejects(conn.read(new Uint8Array(1)), Deno.errors.BadResource);
  }
});

Deno.test("an onion name reaches the proxy as it is, and what comes right behind the reply is kept", async () => {
  using listener = listen();
  const serving = (async () => {
    using conn = await listener.accept();
    await readText(conn, 3);
    await conn.write(Uint8Array.of(5, 2));
    await readText(conn, 3 + CREDENTIALS.username.length + CREDENTIALS.password.length);
    await conn.write(Uint8Array.of(1, 0));
    const request = await readText(conn, 5 + ONION.host.length + 2);
    // Reply and the peer's first bytes in one segment.
    await conn.write(
      Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode("hello")),
    );
    return request.slice(5, -2);
  })();
  using conn = await connect(portOf(listener));
  await speakSocks5(conn, ONION, CREDENTIALS, never);
  assert.equal(await readText(conn, 5), "hello");
  assert.equal(await serving, ONION.host);
});

Deno.test("a proxy that closes in the middle is a fault", async () => {
  for (const answer of [[], [5], [5, 2, 1]]) {
    using listener = listen();
    const serving = (async () => {
      using conn = await listener.accept();
      await readText(conn, 3);
      await conn.write(Uint8Array.from(answer));
      await conn.closeWrite();
      // Until the other side closes, so that nothing is reset.
      while (await conn.read(new Uint8Array(99)) !== null);
    })();
    const conn = await connect(portOf(listener));
    await assert.rejects(speakSocks5(conn, ONION, CREDENTIALS, never), { code: "truncated" });
    await serving;
  }
});

Deno.test("a silent proxy is left when the signal says so", async () => {
  using listener = listen();
  const stop = new AbortController();
  const serving = (async () => {
    using conn = await listener.accept();
    await readText(conn, 3);
    stop.abort(new Error("enough"));
    assert.equal(await conn.read(new Uint8Array(1)), null);
  })();
  const conn = await connect(portOf(listener));
  await assert.rejects(speakSocks5(conn, ONION, CREDENTIALS, stop.signal), /enough/);
  await serving;
  const late = await connect(portOf(listener));
  const target: Endpoint = ONION;
  await assert.rejects(speakSocks5(late, target, CREDENTIALS, stop.signal), /enough/);
  await assert.rejects(late.read(new Uint8Array(1)), Deno.errors.BadResource);
});
