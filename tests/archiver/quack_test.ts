/** DuckDB's own client on a running archiver: it reads, and nothing else. */
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import { Quack } from "../../archiver/quack/quack.ts";
import { startArchiver } from "../../archiver/run.ts";
import { Store } from "../../archiver/store/store.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { parseConfig } from "../../shared/config.ts";
import { UserError } from "../../shared/errors.ts";
import { seededRandom } from "../../shared/random.ts";
import { onArchive } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { duckdbExtensions } from "../support/servers/duckdb_extensions.ts";
import { freePort } from "../support/servers/free_port.ts";
import { tokenHeader } from "../support/servers/programs.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const extensions = await duckdbExtensions(["httpfs", "quack"]);

const TOKEN = "ab".repeat(32);
/** Takes about a second. */
const BUSY = "SELECT count(*) FROM range(200000) a, range(300) b WHERE (a.range + b.range) % 7 = 3";

const configOf = (dir: TempDir, quack: object) =>
  parseConfig(
    JSON.stringify({
      archive: dir.join("a.duckdb"),
      days: { folder: dir.join("days") },
      api: { port: 0 },
      quack,
    }),
    ArchiverConfigSchema,
    "quack",
  );

/** A DuckDB of its own that attaches the archive as `gossip`. */
async function attach(listen: string, token: string) {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  for (const name of ["httpfs", "quack"]) {
    await connection.run(`LOAD '${extensions}/${name}.duckdb_extension'`);
  }
  await connection.run(`ATTACH 'quack:${listen}' AS gossip (TOKEN '${token}')`);
  return { connection, [Symbol.dispose]: () => instance.closeSync() };
}

async function values(connection: DuckDBConnection, sql: string): Promise<unknown[]> {
  return (await connection.runAndReadAll(sql)).getRowsJson().flat();
}

Deno.test({
  name: "a DuckDB client reads the live archive, and can neither write nor leave it",
  ignore: extensions === null,
  async fn() {
    await using dir = await tempDir();
    const listen = `127.0.0.1:${freePort()}`;
    const config = configOf(dir, { listen, extensions });
    {
      await using archiver = await startArchiver(config);
      const maker = new BatchMaker();
      const session = maker.session(1);
      const post = async () => {
        maker.receipt(
          maker.epoch + maker.number,
          maker.message(plainMessage(maker.number)),
          session,
        );
        const body = encodeBatch(maker.close());
        const headers = await tokenHeader(dir.path);
        const response = await fetch(`${archiver.url}/batches`, { method: "POST", body, headers });
        assert.equal((await response.json()).status, "committed");
      };
      await post();
      const token = (await Deno.readTextFile(dir.join("quack-token"))).trim();
      assert.equal((await Deno.stat(dir.join("quack-token"))).mode! & 0o77, 0);
      await assert.rejects(attach(listen, "0".repeat(64)), /Authentication failed/);
      using client = await attach(listen, token);
      const { connection } = client;
      const server = (sql: string, at = connection) =>
        values(at, `FROM gossip.query('${sql.replaceAll("'", "''")}')`);

      const receipts = "SELECT count(*) FROM gossip.receipts";
      assert.deepEqual(await values(connection, receipts), ["1"]);
      await post();
      assert.deepEqual(await values(connection, receipts), ["2"]);
      assert.deepEqual(
        await server(
          `SELECT c.name, p.node_id[:4], is_repeat FROM receipts r JOIN peers p USING (peer_id)
            JOIN collectors c ON c.collector_id = r.collector_id ORDER BY received_at LIMIT 1`,
        ),
        ["alpha", "0300", false],
      );
      assert.deepEqual(await values(connection, "SELECT count(*) FROM gossip.compat.messages"), [
        "0",
      ]);
      for (
        const sql of [
          "SELECT quantile_cont(size, 0.5) FROM messages",
          "WITH x AS (FROM receipts) SELECT count(*), max(received_at) FROM x, range(3)",
          "DESCRIBE receipts",
          "SUMMARIZE peers",
          "FROM duckdb_tables()",
          "SELECT * FROM information_schema.columns",
        ]
      ) assert.ok((await server(sql)).length > 0, sql);

      const refused = [
        "INSERT INTO gossip.peers VALUES (9, 'x')",
        "INSERT INTO gossip.peers SELECT range, 'x' FROM range(3)",
        "CREATE TABLE gossip.mine (i INTEGER)",
        "CREATE TABLE gossip.mine AS SELECT 1 AS x",
        "CREATE VIEW gossip.mine AS SELECT 1 AS x",
        "DROP TABLE gossip.peers",
        "DROP VIEW gossip.receipts",
        ...[
          "DELETE FROM peers",
          "UPDATE peers SET node_id = ''",
          "WITH x AS (SELECT 1) DELETE FROM peers",
          "SELECT 1; DELETE FROM peers",
          "BEGIN",
          "SET memory_limit = '1MB'",
          "SET GLOBAL quack_authorization_function = 'quack_nop_authorization'",
          "RESET threads",
          "PRAGMA database_size",
          "CALL quack_stop('quack')",
          "FROM quack_stop('quack')",
          "FROM quack_serve('quack:127.0.0.1:9999')",
          "FROM quack_query('quack:127.0.0.1:1', 'SELECT 1')",
          "FROM quack_active_connections()",
          "CHECKPOINT",
          "FROM checkpoint()",
          "ATTACH 'other.duckdb'",
          "INSTALL spatial",
          "LOAD httpfs",
          "COPY peers TO '/tmp/peers.csv'",
          "COPY peers FROM '/tmp/peers.csv'",
          "EXPORT DATABASE '/tmp/x'",
          `FROM read_text('${dir.join("token")}')`,
          `FROM Read_Text('${dir.join("token")}')`,
          `FROM query('FROM read_text(''${dir.join("token")}'')')`,
          `SELECT (SELECT content FROM read_text('${dir.join("token")}'))`,
          "DESCRIBE FROM read_csv('/etc/passwd')",
          "FROM '/etc/passwd.csv'",
          "FROM data.csv",
          "FROM main.csv",
          "FROM 'https://example.invalid/x.parquet'",
          "FROM glob('/etc/*')",
          "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
          "SELECT * FROM duckdb_secrets()",
          "SELECT nextval('x')",
          "SELECT sleep_ms(1000)",
          "SELECT pg_sleep(1)",
          "SELECT write_log('x')",
          "SELECT json_serialize_plan('FROM read_csv(''/etc/passwd'')')",
          "CREATE MACRO f() AS 1",
          "CREATE OR REPLACE MACRO gossip_quack_rules.main.allowed(a, b) AS true",
          "PREPARE p AS DELETE FROM peers",
          "EXPLAIN ANALYZE DELETE FROM peers",
          `SELECT '${"x".repeat(100_000)}'`,
        ].map((sql) => `FROM gossip.query('${sql.replaceAll("'", "''")}')`),
      ];
      for (const sql of refused) {
        await assert.rejects(values(connection, sql), /Authorization failed/, sql);
      }
      // Of further statements at once only as many run as may.
      const clients = await Promise.all(Array.from({ length: 7 }, () => attach(listen, token)));
      const outcomes = await Promise.allSettled(
        clients.map(({ connection }) => server(BUSY, connection)),
      );
      for (const client of clients) client[Symbol.dispose]();
      const failed = outcomes.filter(({ status }) => status === "rejected");
      assert.ok(failed.length > 0 && failed.length < 7, `${failed.length} of 7 were refused`);
      // Still served, and still as it was.
      assert.deepEqual(await values(connection, receipts), ["2"]);
      assert.deepEqual(await server("SELECT count(*) FROM peers"), ["1"]);
    }
    // The client was still there; the archive is closed, and nobody holds its file.
    const peers = await onArchive(
      config.archive,
      (connection) => values(connection, "SELECT count(*) FROM peers"),
    );
    assert.deepEqual(peers, ["1"]);
  },
});

Deno.test({
  name:
    "after a failed commit the archive is opened and served again, once the statements of clients have ended",
  ignore: extensions === null,
  async fn() {
    await using dir = await tempDir();
    const listen = `127.0.0.1:${freePort()}`;
    const quack = new Quack({
      ...{ listen, extensions },
      readToken: () => Promise.resolve(TOKEN),
    }, systemClock);
    let fails = false;
    await using store = await Store.open({
      ...{ path: dir.join("a.duckdb"), memoryLimitBytes: 2 ** 28, threads: 2, folders: [dir.path] },
      serve: (connection) => quack.serve(connection),
    }, {
      ...{ clock: systemClock, random: seededRandom(1) },
      onStep(step) {
        if (fails && step === "commit: changes applied") throw new Error("the disk is full");
      },
    });
    const maker = new BatchMaker();
    using client = await attach(listen, TOKEN);
    const busy = values(client.connection, `FROM gossip.query('${BUSY}')`)
      .catch(() => {});
    const batch = maker.close();
    const active = "SELECT count(*) AS n FROM quack_active_connections() WHERE state = 'active'";
    await until(async () => Number((await store.read(active))[0].n) === 1);
    fails = true;
    await assert.rejects(store.commit([batch]), /the disk is full/);
    fails = false;
    assert.equal((await store.commit([batch]))[0].status, "committed");
    using again = await attach(listen, TOKEN);
    assert.deepEqual(await values(again.connection, "SELECT count(*) FROM gossip.epochs"), ["1"]);
    await busy;
  },
});

Deno.test("an extension that cannot be loaded is named in one line, and nothing is left open", async () => {
  await using dir = await tempDir();
  const config = configOf(dir, { extensions: dir.path });
  await assert.rejects(startArchiver(config), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(
      error.message,
      /^Cannot serve DuckDB clients \(quack\): Cannot load DuckDB's extension httpfs: .* should hold/,
    );
    assert.ok(!error.message.includes("\n"), error.message);
    return true;
  });
});
