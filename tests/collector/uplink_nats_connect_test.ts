import assert from "node:assert/strict";
import fc from "fast-check";
import { connectNats, NatsError } from "../../shared/nats/connect.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { startProcess } from "../support/servers/process.ts";

/** A TCP server that says something to whoever connects, and closes. */
function startSpeaker(what: () => Uint8Array): AsyncDisposable & { url: string } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const done = (async () => {
    for await (const connection of listener) {
      await connection.write(what()).catch(() => {});
      connection.close();
    }
  })();
  return {
    url: `nats://127.0.0.1:${listener.addr.port}`,
    [Symbol.asyncDispose]() {
      listener.close();
      return done;
    },
  };
}

Deno.test("whatever a server says first, connecting succeeds or fails with the client's own error", async () => {
  let words: Uint8Array = new Uint8Array();
  await using speaker = startSpeaker(() => words);
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 50 }),
    fc.oneof(fc.string({ maxLength: 40 }), fc.json()).map((text) =>
      new TextEncoder().encode(`INFO ${text}\r\n`)
    ),
    fc.constant(new TextEncoder().encode('INFO {"tls_required":true}\r\n')),
  );
  await fc.assert(
    fc.asyncProperty(line, async (said) => {
      words = said;
      try {
        const connection = await connectNats({ servers: [speaker.url], name: "test" });
        await connection.close();
      } catch (error) {
        if (!(error instanceof NatsError)) throw error;
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("of several servers one that answers is enough", async () => {
  await using server = await startNatsServer();
  await using speaker = startSpeaker(() => new Uint8Array());
  for (let i = 0; i < 5; i++) {
    const servers = ["nats://127.0.0.1:1", speaker.url, server.url];
    const connection = await connectNats({ servers, name: "test" });
    assert.equal(connection.getServer(), new URL(server.url).host);
    await connection.close();
    await connection.close();
  }
});

Deno.test("of several servers' reasons a refusal is told, whatever the order they were tried in", async () => {
  await using server = await startNatsServer({ config: "authorization { token: secret }" });
  await using speaker = startSpeaker(() => new Uint8Array());
  for (let i = 0; i < 20; i++) {
    const servers = ["nats://127.0.0.1:1", speaker.url, server.url, "nats://127.0.0.1:2"];
    await assert.rejects(
      connectNats({ servers, name: "test" }),
      (error) => error instanceof NatsError && error.code === "AUTHORIZATION_VIOLATION",
    );
  }
});

Deno.test("what waits on a connection fails at once when that is lost", async () => {
  await using server = await startNatsServer();
  const connection = await connectNats({ servers: [server.url], name: "test" });
  connection.subscribe("silent", { callback: () => {} });
  const request = connection.request("silent", new Uint8Array(), { timeout: 60_000 });
  const failed = assert.rejects(request, NatsError);
  await connection.flush();
  await server.kill();
  await failed;
  await connection.closed();
  assert.ok(connection.isClosed());
});

Deno.test("the client needs the network permission of its server, and no other", async () => {
  await using server = await startNatsServer();
  const module = new URL("../../shared/nats/connect.ts", import.meta.url);
  const config = new URL("../../deno.json", import.meta.url);
  const script = `
    const { connectNats } = await import(${JSON.stringify(module.href)});
    const connection = await connectNats({ servers: [${
    JSON.stringify(server.url)
  }], name: "test" });
    await connection.flush();
    await connection.close();
    console.log("done");`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, script);
    const permissions = ["--no-prompt", `--allow-net=127.0.0.1:${server.port}`];
    const args = ["run", ...permissions, "--no-lock", "--config", config.pathname, file];
    await using child = startProcess("deno", args);
    await child.waitForLine(/^done$/);
    assert.equal((await child.wait()).code, 0);
  } finally {
    await Deno.remove(file);
  }
});
