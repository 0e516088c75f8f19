import assert from "node:assert/strict";
import * as v from "valibot";
import { parseConfig } from "../../shared/config.ts";
import { UserError } from "../../shared/errors.ts";
import {
  type NatsServerConfig,
  natsServerEntries,
  readNatsAccess,
} from "../../shared/nats/access.ts";
import { connectNats, NatsError, natsErrorText } from "../../shared/nats/connect.ts";
import { makeCertificates } from "../support/servers/certificates.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { nkeys } from "nats/lib/nats-base-client/internal_mod.js";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const SECRET = "hunter2-and-more";
const schema = v.strictObject(natsServerEntries);

const parse = (config: unknown): NatsServerConfig =>
  parseConfig(JSON.stringify(config), schema, "test.yaml");

/** Connects as a config says, proves that something arrives, and closes. */
async function tryIt(config: unknown): Promise<void> {
  const access = await readNatsAccess(parse(config));
  const connection = await connectNats({ ...access, name: "test" });
  try {
    connection.subscribe("echo", { callback: (_, message) => message.respond(message.data) });
    const { data } = await connection.request("echo", new Uint8Array([1, 2]), { timeout: 5000 });
    assert.deepEqual([...data], [1, 2]);
  } finally {
    await connection.close();
  }
}

/** That a config is refused, and the refusal's texts hold no secret. */
async function refused(config: unknown, secret = SECRET): Promise<string> {
  try {
    await tryIt(config);
  } catch (error) {
    assert.ok(error instanceof NatsError || error instanceof UserError, String(error));
    for (const text of [error.message, natsErrorText(error), Deno.inspect(error)]) {
      assert.ok(!text.includes(secret), text);
    }
    return natsErrorText(error);
  }
  assert.fail("it was let in");
}

async function secretFile(dir: TempDir, text: string): Promise<string> {
  const path = dir.join(crypto.randomUUID());
  await Deno.writeTextFile(path, text);
  return path;
}

/** With an environment variable that holds `value`. */
function withVariable(name: string, value: string): Disposable {
  Deno.env.set(name, value);
  return { [Symbol.dispose]: () => Deno.env.delete(name) };
}

Deno.test("user and password, from a file or the environment, let in; another password does not", async () => {
  await using dir = await tempDir();
  const config = `authorization { users: [ { user: alpha, password: "${SECRET}" } ] }`;
  await using server = await startNatsServer({ config });
  using _variable = withVariable("GOSSIP_TEST_PASSWORD", SECRET);
  const servers = [server.url];
  const password_file = await secretFile(dir, SECRET + "\n");
  await tryIt({ servers, auth: { user: "alpha", password_file } });
  await tryIt({ servers, auth: { user: "alpha", password_env: "GOSSIP_TEST_PASSWORD" } });
  const wrong = `${SECRET}-wrong`;
  const wrong_file = await secretFile(dir, wrong);
  const text = await refused({ servers, auth: { user: "alpha", password_file: wrong_file } });
  assert.match(text, /the server refuses these credentials/);
  await refused({ servers });
});

Deno.test("a token lets in; another one does not", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer({ config: `authorization { token: "${SECRET}" }` });
  const servers = [server.url];
  await tryIt({ servers, auth: { token_file: await secretFile(dir, SECRET) } });
  await refused({ servers, auth: { token_file: await secretFile(dir, `${SECRET}-wrong`) } });
});

Deno.test("an nkey lets in; another one does not", async () => {
  await using dir = await tempDir();
  const pair = nkeys.createUser();
  const seed = (key: typeof pair) => new TextDecoder().decode(key.getSeed());
  const config = `authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`;
  await using server = await startNatsServer({ config });
  const servers = [server.url];
  await tryIt({ servers, auth: { nkey_file: await secretFile(dir, seed(pair)) } });
  const other = seed(nkeys.createUser());
  await refused({ servers, auth: { nkey_file: await secretFile(dir, other) } }, other);
});

Deno.test("a credentials file lets in; another user's does not", async () => {
  await using dir = await tempDir();
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const claim = async (subject: typeof account, by: typeof account, name: string, nats: object) => {
    const encode = (value: object) => {
      return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_")
        .replaceAll("=", "");
    };
    const head = encode({ typ: "JWT", alg: "ed25519-nkey" });
    const body = { jti: name, iat: 1, iss: by.getPublicKey(), name, sub: subject.getPublicKey() };
    const signed = `${head}.${encode({ ...body, nats: { ...nats, version: 2 } })}`;
    const signature = by.sign(new TextEncoder().encode(signed));
    const text = btoa(String.fromCharCode(...signature)).replaceAll("+", "-")
      .replaceAll("/", "_").replaceAll("=", "");
    return await Promise.resolve(`${signed}.${text}`);
  };
  const unlimited = { subs: -1, data: -1, payload: -1 };
  const limits = { ...unlimited, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const operatorJwt = await claim(operator, operator, "operator", { type: "operator" });
  const accountJwt = await claim(account, operator, "account", { type: "account", limits });
  const system = nkeys.createAccount();
  const systemJwt = await claim(system, operator, "system", { type: "account", limits });
  const config = `operator: ${operatorJwt}\nresolver: MEMORY\n` +
    `system_account: ${system.getPublicKey()}\nresolver_preload: {\n` +
    `${account.getPublicKey()}: ${accountJwt}\n${system.getPublicKey()}: ${systemJwt}\n}\n`;
  await using server = await startNatsServer({ config });
  const servers = [server.url];
  const creds = async (by: typeof account) => {
    const user = nkeys.createUser();
    const jwt = await claim(user, by, "user", { type: "user", ...unlimited });
    const seed = new TextDecoder().decode(user.getSeed());
    return "-----BEGIN NATS USER JWT-----\n" + jwt + "\n------END NATS USER JWT------\n\n" +
      "-----BEGIN USER NKEY SEED-----\n" + seed + "\n------END USER NKEY SEED------\n";
  };
  await tryIt({ servers, auth: { creds_file: await secretFile(dir, await creds(account)) } });
  const stranger = await creds(nkeys.createAccount());
  await refused({ servers, auth: { creds_file: await secretFile(dir, stranger) } }, stranger);
});

Deno.test("TLS is used when the server or the config wants it, with a trusted authority or not at all", async () => {
  await using dir = await tempDir();
  const { caFile, certFile, keyFile } = await makeCertificates(dir);
  const other = await makeCertificates(dir);
  const tls = `tls { cert_file: "${certFile}", key_file: "${keyFile}" }`;
  const config = `${tls}\nauthorization { token: "${SECRET}" }`;
  await using secure = await startNatsServer({ config });
  await using plain = await startNatsServer();
  const auth = { token_file: await secretFile(dir, SECRET) };
  const trusted = { ca_file: caFile };
  const overTls = `tls://127.0.0.1:${secure.port}`;
  await tryIt({ servers: [overTls], auth, tls: trusted });
  await tryIt({ servers: [secure.url], auth, tls: trusted });
  // A secret does not go to whom nobody vouches for, nor through a connection that all can read.
  assert.match(await refused({ servers: [overTls], auth }), /UnknownIssuer/);
  await refused({ servers: [secure.url], auth });
  await refused({ servers: [overTls], auth, tls: { ca_file: other.caFile } });
  const none = await refused({ servers: [plain.url], auth, tls: trusted });
  assert.match(none, /the server offers no TLS/);
  await refused({ servers: [`tls://127.0.0.1:${plain.port}`], auth });
});

Deno.test("whoever puts words after a server's first line in the clear is not talked to over TLS", async () => {
  await using dir = await tempDir();
  const { caFile } = await makeCertificates(dir);
  const info = 'INFO {"version":"2.9.10","tls_required":true}\r\nPING\r\n';
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    using connection = await listener.accept();
    await connection.write(new TextEncoder().encode(info));
    await connection.read(new Uint8Array(1));
  })();
  const servers = [`tls://127.0.0.1:${listener.addr.port}`];
  assert.match(await refused({ servers, tls: { ca_file: caFile } }), /not a NATS server/);
  await served;
});

Deno.test("connecting is given up at once when it is told so", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const silent = listener.accept();
  const abort = new AbortController();
  const servers = Array(8).fill(`nats://127.0.0.1:${listener.addr.port}`);
  const failed = assert.rejects(connectNats({ servers, name: "test", signal: abort.signal }));
  using _connection = await silent;
  abort.abort();
  await failed;
});

Deno.test("a secret that cannot be had is a mistake that names its key", async () => {
  await using dir = await tempDir();
  const servers = ["nats://127.0.0.1:4222"];
  const empty = await secretFile(dir, "\n");
  const text = await secretFile(dir, SECRET);
  const lines = await secretFile(dir, `${SECRET}\nsecond line\n`);
  using _variable = withVariable("GOSSIP_TEST_EMPTY", "");
  for (
    const [rest, message] of [
      [{ auth: { token_file: dir.join("none") } }, /auth\.token_file .*none: /],
      [{ auth: { token_file: empty } }, /auth\.token_file: .* is empty/],
      [{ auth: { user: "a", password_file: lines } }, /password_file: .* has 2 lines; it should/],
      [{ auth: { token_file: lines } }, /token_file: .* has 2 lines; it should hold the secret/],
      [{ auth: { token_env: "GOSSIP_TEST_NONE" } }, /GOSSIP_TEST_NONE is not set/],
      [{ auth: { token_env: "GOSSIP_TEST_EMPTY" } }, /--allow-env=GOSSIP_TEST_EMPTY/],
      [{ auth: { nkey_file: text } }, /should hold an nkey's seed/],
      [{ auth: { creds_file: text } }, /should hold a credentials file/],
      [{ tls: { ca_file: text } }, /should hold certificates/],
    ] as const
  ) {
    assert.match(await refused({ servers, ...rest }), message);
  }
});

Deno.test("a config holds no secrets itself, and proves who one is in one way", () => {
  const servers = ["nats://127.0.0.1:4222"];
  for (
    const wrong of [
      { servers: [`nats://alpha:${SECRET}@127.0.0.1`] },
      { servers: [`${SECRET}@127.0.0.1`] },
      { servers, auth: { user: "alpha", password: SECRET } },
      { servers, auth: { user: "alpha" } },
      { servers, auth: { password_file: "x" } },
      { servers, auth: { token_file: "x", token_env: "X" } },
      { servers, auth: { user: "alpha", token_file: "x" } },
      { servers, auth: { nkey_file: "x", creds_file: "y" } },
      { servers, auth: {} },
      { servers, tls: { insecure: true } },
      { servers: [] },
    ]
  ) {
    assert.throws(() => parse(wrong), (error) => {
      assert.ok(error instanceof UserError);
      assert.ok(!error.message.includes(SECRET), error.message);
      return true;
    });
  }
});
