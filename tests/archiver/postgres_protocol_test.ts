/** The Postgres endpoint's protocol, limits, and what nobody gets through it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import pg from "pg";
import postgres from "postgres";
import { addUser } from "../../archiver/postgres/users.ts";
import { Database } from "../../archiver/store/database.ts";
import { seededRandom } from "../../shared/random.ts";
import { mutate } from "../fuzz/mutate.ts";
import { clientMessages } from "../fuzz/targets/postgres.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { makeCertificates } from "../support/servers/certificates.ts";
import {
  CATALOGUE_FOLDER,
  startEndpoint,
  startSmallEndpoint,
} from "../support/servers/postgres_endpoint.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

/** Takes minutes, on any machine. */
const HEAVY =
  "SELECT count(*) FROM range(10000000) a(i), range(100000) b(j), schema_version WHERE i + j = 7";

/** What `pg` keeps of a connection: messages can be sent one by one, and come as events. */
interface Connection extends NodeJS.EventEmitter {
  readonly stream: net.Socket;
  parse(query: { name?: string; text: string }): void;
  bind(config: { portal?: string; statement?: string; values?: unknown[]; binary?: boolean }): void;
  describe(what: { type: "S" | "P"; name?: string }): void;
  execute(config: { portal?: string; rows?: number }): void;
  flush(): void;
  sync(): void;
}

async function connect(url: string) {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  const { connection } = client as unknown as { connection: Connection };
  const names: string[] = [];
  for (
    const name of ["parseComplete", "bindComplete", "dataRow", "portalSuspended", "commandComplete"]
  ) {
    connection.on(name, () => names.push(name));
  }
  connection.on("errorMessage", ({ code }) => names.push(code));
  return {
    client,
    connection,
    /** What came until the server is ready, and forgets it. */
    async answers() {
      connection.sync();
      await once(connection, "readyForQuery");
      return names.splice(0).join(" ");
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

Deno.test("portals stop at their row limit, and an error skips what follows until Sync", async () => {
  await using endpoint = await startSmallEndpoint();
  await using session = await connect(endpoint.url);
  const { connection } = session;
  const say = (text: string) => {
    connection.parse({ text });
    connection.bind({});
    connection.execute({});
  };
  say("BEGIN");
  connection.parse({
    name: "five",
    text: "SELECT i FROM range(5) t(i), schema_version ORDER BY i",
  });
  const done = "parseComplete bindComplete commandComplete";
  assert.equal(await session.answers(), `${done} parseComplete`);
  connection.bind({ portal: "p", statement: "five" });
  connection.execute({ portal: "p", rows: 2 });
  assert.equal(await session.answers(), "bindComplete dataRow dataRow portalSuspended");
  connection.execute({ portal: "p", rows: 2 });
  connection.execute({ portal: "p", rows: 2 });
  assert.equal(await session.answers(), "dataRow dataRow portalSuspended dataRow commandComplete");
  say("COMMIT");
  say("SELECT broken FROM");
  say("SELECT 1");
  assert.equal(await session.answers(), `${done} 42601`);
  // Described once and run twice, in one go.
  connection.describe({ type: "S", name: "five" });
  for (const portal of ["a", "b"]) {
    connection.bind({ portal, statement: "five", binary: true });
    connection.execute({ portal, rows: 0 });
  }
  const run = `bindComplete ${"dataRow ".repeat(5)}commandComplete`;
  assert.equal(await session.answers(), `${run} ${run}`);
  const { client } = await connect(endpoint.url);
  await client.query("BEGIN");
  await assert.rejects(client.query("SELECT 1 / 0 FROM nowhere"), { code: "42P01" });
  await assert.rejects(client.query("SELECT 1"), { code: "25P02" });
  assert.equal((await client.query("COMMIT")).command, "ROLLBACK");
  await client.end();
});

Deno.test("changed messages crash nothing, and harm no other session", async () => {
  await using endpoint = await startSmallEndpoint();
  await using other = await connect(endpoint.url);
  const { counters } = endpoint.server;
  const seed = crypto.randomUUID();
  const random = seededRandom(seed);
  const corpus = clientMessages();
  for (let i = 0; i < 100; i++) {
    const { connection: { stream } } = await connect(endpoint.url);
    const closed = once(stream, "close");
    for (let k = 0; k < 10; k++) stream.write(mutate(corpus, corpus.length, 300, random));
    stream.end();
    await closed;
    const { rows: [{ n }] } = await other.client.query("SELECT count(*) AS n FROM receipts");
    assert.equal(n, "15", seed);
  }
  await until(() => counters.open === 1);
  assert.deepEqual(endpoint.server.status(), { running: 0, waiting: 0, restarts: 0 });
});

/** Of PostgreSQL, for some seconds. */
const SLOW = `SELECT count(*) FROM pg_class a, pg_class b, (SELECT oid FROM pg_class LIMIT 200) c
  WHERE a.oid::int8 + b.oid::int8 + c.oid::int8 > 5`;

Deno.test("a statement ends when its client cancels it, leaves, or takes too long", async () => {
  await using endpoint = await startSmallEndpoint({ statement_timeout: "2s", max_statements: 2 });
  const { counters } = endpoint.server;
  const canceled = { code: "57014" };
  const sql = postgres(endpoint.url, { max: 1 });
  const query = sql.unsafe(HEAVY).execute();
  await until(() => endpoint.server.status().running === 1);
  query.cancel();
  await assert.rejects(query, canceled);
  assert.equal(counters.cancels, 1);
  assert.deepEqual([...await sql`SELECT 1 AS one`], [{ one: 1 }]);
  await assert.rejects(sql.unsafe(HEAVY), canceled);
  assert.equal(counters.limits.get("statement_timeout"), 1);
  // PostgreSQL itself cannot be interrupted: it is started again, for all sessions.
  await assert.rejects(sql.unsafe(SLOW), canceled);
  assert.deepEqual([...await sql`SELECT current_schema() AS schema`], [{ schema: "public" }]);
  assert.equal(endpoint.server.status().restarts, 1);
  await sql.end();

  // A result that waits for its reader keeps nobody else from running.
  const readers = await Promise.all([0, 1, 2].map(() => connect(endpoint.url)));
  for (const { client } of readers) {
    await client.query("BEGIN");
    await client.query("DECLARE c CURSOR FOR SELECT i FROM range(1000000) t(i), schema_version");
    assert.equal((await client.query("FETCH 3 FROM c")).rows.length, 3);
  }
  assert.deepEqual(endpoint.server.status().running, 0);
  for (const { client } of readers) await client.end();

  const sockets = await Promise.all([0, 1, 2].map(() => connect(endpoint.url)));
  for (const { client } of sockets) client.query(HEAVY).catch(() => {});
  await until(() => endpoint.server.status().waiting === 1);
  assert.equal(counters.limits.get("statements"), 1);
  for (const { connection } of sockets) connection.stream.destroy();
  await until(() => endpoint.server.status().running === 0 && counters.open === 0);
});

Deno.test("what fills PostgreSQL's files ends by itself; of what does not end, only two run on", async () => {
  await using endpoint = await startSmallEndpoint();
  await using session = await connect(endpoint.url);
  const full = session.client.query("SELECT count(*) FROM generate_series(1, 10000000000)");
  await assert.rejects(full, { code: "53400" });
  // In a process of its own, since nothing else would end them.
  const script = new URL("../support/fixtures/endless_statements.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-prompt", "-P=test", script, CATALOGUE_FOLDER];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert.equal(new TextDecoder().decode(stdout), "57014\n57014\n53400\n");
});

Deno.test("limits: connections, rows, idle time; a slow reader holds back its own result", async () => {
  await using endpoint = await startSmallEndpoint({
    max_connections: 2,
    max_rows: 1_000_000,
    idle_timeout: "3s",
  });
  const { counters } = endpoint.server;
  {
    await using first = await connect(endpoint.url);
    await using _second = await connect(endpoint.url);
    await assert.rejects(connect(endpoint.url), { code: "53300" });
    assert.equal(counters.limits.get("connections"), 1);
    const wide = "SELECT repeat('x', 1000) FROM range(1000000) t(i), schema_version";
    first.connection.stream.pause();
    const result = first.client.query(wide);
    let sent = -1;
    await until(async () => {
      const before = sent;
      sent = counters.rows;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return sent > 0 && sent === before;
    });
    assert.ok(sent < 200_000, `${sent} rows`);
    first.connection.stream.destroy();
    await assert.rejects(result);
  }
  const { client } = await connect(endpoint.url);
  await assert.rejects(
    client.query("SELECT i FROM range(1000001) t(i), schema_version"),
    { code: "54000" },
  );
  await until(() => counters.open === 0);
  assert.ok(counters.limits.get("idle_timeout")! >= 1);
});

Deno.test("TLS by request and at once, passwords, users", async () => {
  await using dir = await tempDir();
  const { caFile, certFile, keyFile } = await makeCertificates(dir);
  const path = dir.join("gossip.duckdb");
  await makeQueryArchive(path);
  await using store = await openArchive(path);
  const tls = { cert_file: certFile, key_file: keyFile, required: true };
  await using endpoint = await startEndpoint(store, { tls });
  const ca = await Deno.readTextFile(caFile);
  const secure = (url: string) => new pg.Client({ connectionString: url, ssl: { ca } });
  const client = secure(endpoint.url);
  await client.connect();
  assert.equal((await client.query("SELECT count(*)::int AS n FROM receipts")).rows[0].n, 15);
  await client.end();
  await assert.rejects(connect(endpoint.url), { code: "28000" });
  await assert.rejects(secure(endpoint.url.replace("correct", "wrong")).connect(), {
    code: "28P01",
  });
  await assert.rejects(secure(endpoint.url.replace("reader", "nobody")).connect(), {
    code: "28P01",
  });
  assert.equal(endpoint.server.counters.limits.get("login"), 2);
  const role = secure(`${endpoint.url}?options=${encodeURIComponent("-c role=postgres")}`);
  await assert.rejects(role.connect(), { code: "42501" });
  const bound = `channel_binding=require sslmode=verify-full sslrootcert=${caFile}`;
  const psql = new Deno.Command("psql", { args: [bound, "-c", "SELECT 1"], env: endpoint.env });
  assert.ok((await psql.output()).success);

  using direct = await Deno.connectTls({
    ...{ hostname: "127.0.0.1", port: endpoint.port, caCerts: [ca] },
    alpnProtocols: ["postgresql"],
  });
  const startup = new TextEncoder().encode("\0\0\0\x16\0\x03\0\0user\0reader\0\0");
  startup[3] = startup.length;
  await direct.write(startup);
  const answer = new Uint8Array(5);
  await direct.read(answer);
  assert.equal(String.fromCharCode(answer[0]), "R");

  const users = dir.join("postgres-users");
  assert.equal((await Deno.stat(users)).mode! & 0o777, 0o600);
  await assert.rejects(addUser(users, "a:b", "x"), /a name has letters/);
  await Deno.chmod(users, 0o644);
  await assert.rejects(addUser(users, "b", "x"), /others can read it; run chmod 600/);
});

/** Each tries to leave the archive, or to change something. */
const WAYS_OUT = [
  "SELECT * FROM read_csv('/etc/passwd')",
  "SELECT * FROM read_text('/etc/passwd')",
  "SELECT * FROM read_blob('/etc/passwd')",
  "SELECT * FROM read_json('/etc/passwd')",
  "SELECT * FROM read_parquet('https://example.org/x.parquet')",
  "SELECT * FROM parquet_metadata('x.parquet')",
  "SELECT * FROM sniff_csv('/etc/passwd')",
  "SELECT * FROM glob('/etc/*')",
  "SELECT * FROM '/etc/passwd.csv'",
  `SELECT * FROM "/etc/passwd.csv"`,
  `WITH "/etc/passwd.csv" AS (SELECT 1) SELECT * FROM receipts, (SELECT * FROM "/etc/passwd.csv") x`,
  "WITH x AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM x",
  "SELECT (SELECT count(*) FROM read_text('/etc/passwd')) FROM receipts",
  "SELECT * FROM receipts WHERE message_id IN (SELECT size FROM read_blob('/etc/passwd'))",
  "FROM read_text('/etc/passwd') SELECT content",
  "EXPLAIN ANALYZE SELECT * FROM read_csv('/etc/passwd')",
  "COPY receipts TO '/tmp/gossip-way-out.csv'",
  "COPY receipts TO PROGRAM 'cat'",
  "COPY receipts FROM '/etc/passwd'",
  "COPY receipts FROM STDIN",
  "COPY (SELECT * FROM read_text('/etc/passwd')) TO STDOUT",
  "BEGIN; DECLARE c CURSOR FOR SELECT * FROM read_text('/etc/passwd')",
  "ATTACH '/tmp/gossip-way-out.duckdb' AS x",
  "DETACH gossip",
  "USE x",
  "INSTALL httpfs",
  "LOAD httpfs",
  "EXPORT DATABASE '/tmp/gossip-way-out'",
  "IMPORT DATABASE '/tmp/gossip-way-out'",
  "CHECKPOINT",
  "SET memory_limit = '1TB'",
  "SET GLOBAL enable_external_access = true",
  "RESET memory_limit",
  "PRAGMA database_list",
  "PRAGMA enable_profiling",
  "CALL pragma_version()",
  "SELECT * FROM pragma_database_size()",
  "SELECT getenv('HOME') FROM receipts",
  "SELECT current_setting('temp_directory') FROM receipts",
  "SELECT * FROM duckdb_secrets()",
  "SELECT * FROM duckdb_settings()",
  "SELECT * FROM duckdb_databases()",
  "CREATE SECRET s (TYPE s3)",
  "SELECT * FROM query('SELECT 1')",
  "SELECT * FROM query_table('receipts')",
  "SELECT * FROM histogram('/etc/passwd.csv', 'x')",
  "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
  "SELECT nextval('s') FROM receipts",
  "SELECT write_log('x') FROM receipts",
  "SELECT * FROM gossip_copy_0.main.receipts",
  "SELECT * FROM temp.receipts",
  "SELECT * FROM hot_receipts; DROP TABLE hot_receipts",
  "INSERT INTO collectors VALUES (9, 'x')",
  "UPDATE collectors SET name = 'x'",
  "DELETE FROM receipts",
  "WITH x AS (DELETE FROM receipts RETURNING *) SELECT * FROM x",
  "TRUNCATE receipts",
  "CREATE TABLE x (a int)",
  "CREATE TEMP TABLE x AS SELECT * FROM receipts",
  "SELECT * INTO x FROM receipts",
  "CREATE VIEW v AS SELECT * FROM read_csv('/etc/passwd')",
  "CREATE MACRO m() AS 1",
  "ALTER TABLE receipts ADD COLUMN x int",
  "PREPARE p AS SELECT * FROM read_csv('/etc/passwd')",
  "EXECUTE p",
  "SUMMARIZE receipts",
  "PIVOT receipts ON peer_id USING count(*)",
  "SET ROLE postgres",
  "SET default_transaction_read_only = off",
  "SELECT pg_read_file('/etc/passwd')",
  "SELECT pg_sleep(60)",
  "SELECT lo_create(0)",
  "SELECT lo_import('/etc/passwd')",
  "SELECT pg_ls_dir('/')",
  "DO $$ BEGIN PERFORM 1; END $$",
  "SELECT set_config('role', 'postgres', false)",
  "SELECT set_config('session_authorization', 'postgres', false)",
  "SELECT set_config('default_transaction_read_only', 'off', false)",
  "EXPLAIN ANALYZE SELECT set_config('search_path', 'x', false)",
  "SELECT query_to_xml('SELECT 1', true, true, '')",
  "SELECT * FROM ts_stat('SELECT 1')",
  "SELECT pg_terminate_backend(pg_backend_pid())",
  "SELECT pg_logical_emit_message(false, 'a', 'b')",
  "SELECT pg_advisory_lock(1)",
  "SET DateStyle = 'German'",
  "SET client_encoding = 'LATIN1'",
  "VACUUM",
  "LISTEN x",
];

Deno.test("there is no way out of the archive, and none to change it", async () => {
  await using dir = await tempDir();
  const path = dir.join("gossip.duckdb");
  await makeQueryArchive(path);
  await using store = await openArchive(path);
  await using endpoint = await startEndpoint(store);
  const count = "SELECT count(*) AS n, sum(message_id) AS sum FROM receipts";
  const before = await store.read(count);
  const sql = postgres(endpoint.url, { max: 1, onnotice: () => {} });
  for (const statement of WAYS_OUT) {
    for (const simple of [true, false]) {
      const query = sql.unsafe(statement, [], { prepare: true });
      const error = await (simple ? query.simple() : query).then(
        () => assert.fail(`${statement} ran`),
        (error) => error,
      );
      assert.match(
        error.code,
        /^(42501|42P01|42601|42704|42883|25006|0A000)$/,
        `${statement}: ${error.message}`,
      );
      await sql.unsafe("ROLLBACK").simple();
    }
  }
  await sql.end();
  assert.deepEqual(await store.read(count), before);
  const files = (await Array.fromAsync(Deno.readDir("/tmp"))).map(({ name }) => name);
  assert.ok(!files.some((name) => name.startsWith("gossip-way-out")), "a file was written");
});

Deno.test("with an unread result, the archive still closes, and opens again", async () => {
  await using dir = await tempDir();
  const path = dir.join("gossip.duckdb");
  await makeQueryArchive(path);
  {
    await using store = await openArchive(path);
    await using endpoint = await startEndpoint(store);
    await using session = await connect(endpoint.url);
    await session.client.query("BEGIN");
    await session.client.query(
      "DECLARE c CURSOR FOR SELECT i FROM range(10000000) t(i), schema_version",
    );
    await session.client.query("FETCH 10 FROM c");
    // A failed commit closes the archive, and opens it again.
    await assert.rejects(
      store.change((connection) => connection.run("SELECT nonsense").then(() => {})),
    );
    await assert.rejects(session.client.query("FETCH 10 FROM c"));
    await session.client.query("ROLLBACK");
    assert.equal(
      (await session.client.query("SELECT count(*) AS n FROM receipts")).rows[0].n,
      "15",
    );
  }
  await using store = await openArchive(path);
  assert.equal((await store.read("SELECT count(*) AS n FROM receipts"))[0].n, 15n);
});

Deno.test("beside that, DuckDB itself reaches the archiver's folders only", async () => {
  await using dir = await tempDir();
  await using elsewhere = await tempDir();
  const path = dir.join("gossip.duckdb");
  await makeQueryArchive(path);
  const options = { path, memoryLimitBytes: 2 ** 28, threads: 1, folders: [dir.path] };
  const database = await Database.open(options);
  const copy = elsewhere.join("x");
  for (
    const sql of [
      "SELECT * FROM read_text('/etc/passwd')",
      `COPY receipts TO '${copy}.csv'`,
      `ATTACH '${copy}.duckdb'`,
      "SELECT * FROM read_csv('https://example.org/x.csv')",
      "SET GLOBAL enable_external_access = true",
      "SET GLOBAL allowed_directories = ['/']",
      "LOAD httpfs",
    ]
  ) {
    await assert.rejects(
      database.beside((connection) => connection.run(sql)),
      /disabled|while database/,
      sql,
    );
  }
  await database.snapshot(dir.join("copy.duckdb"));
  const file = dir.join("day.parquet");
  await database.beside(async (connection) => {
    await connection.run(`COPY receipts TO '${file}'`);
    await connection.run(`SELECT * FROM read_parquet('${file}')`);
  });
  await database.close();
});
