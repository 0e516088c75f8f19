import { DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { Database } from "../../archiver/store/database.ts";
import { migrate, MIGRATIONS } from "../../archiver/store/migrations.ts";
import { UserError } from "../../shared/errors.ts";
import { openArchive, rows } from "../support/fixtures/archive.ts";
import { startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";

/** That it throws a UserError of one line that names the file and matches `why`. */
async function refuses(open: () => Promise<unknown>, path: string, why: RegExp): Promise<void> {
  await assert.rejects(open, (error: Error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.ok(error.message.startsWith(`Cannot open archive ${path}: `), error.message);
    assert.match(error.message, why);
    assert.ok(!error.message.includes("\n"), "one line");
    return true;
  });
}

Deno.test("an archive is made with its folder, and opened again as it was left", async () => {
  await using dir = await tempDir();
  const path = dir.join("deep", "down", "a.duckdb");
  const store = await openArchive(path);
  assert.deepEqual(
    await rows(store, "SELECT version, name FROM schema_version ORDER BY version"),
    MIGRATIONS.map(({ version, name }) => ({ version, name })),
  );
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await using again = await openArchive(path);
  const [{ count }] = await rows(again, "SELECT count(*) AS count FROM schema_version");
  assert.equal(count, MIGRATIONS.length);
});

Deno.test("an archive that another process holds is refused, and free once that one ends", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  await Deno.writeTextFile(dir.join("a.yaml"), `archive: ${path}\napi: {port: 0}\n`);
  await using archiver = startProgram("archiver/main.ts", ["--config", dir.join("a.yaml")], ["-A"]);
  await archiver.waitForLine(/Archiving into/);
  const held = new RegExp(`process ${archiver.pid} .*holds it`);
  await refuses(() => openArchive(path), path, held);

  // A second archiver says the same, in one line.
  const config = await Deno.makeTempFile({ dir: dir.path, suffix: ".yaml" });
  await Deno.writeTextFile(config, `archive: ${path}\napi: {port: 0}\n`);
  await using second = startProgram("archiver/main.ts", ["--config", config], ["-A"]);
  assert.equal((await second.wait()).code, 2);
  assert.equal(second.lines.length, 1, second.lines.join("\n"));
  assert.match(second.lines[0], held);

  assert.equal((await archiver.terminate()).code, 0);
  await (await openArchive(path))[Symbol.asyncDispose]();
});

Deno.test("what is no archive is refused", async () => {
  await using dir = await tempDir();
  const path = dir.join("notes.txt");
  await Deno.writeTextFile(path, "no database\n".repeat(1000));
  await refuses(() => openArchive(path), path, /it is not a DuckDB file/);
  await refuses(() => openArchive(dir.path), dir.path, /directory/i);
  await refuses(() => openArchive(`${path}/a`), `${path}/a`, /Not a directory|File exists/i);
});

Deno.test("an archive of a newer program is refused, and left as it was", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  await (await openArchive(path))[Symbol.asyncDispose]();
  const newer = await Database.open({ path, memoryLimitBytes: 2 ** 28, threads: 1 });
  await newer.writing.run("INSERT INTO schema_version VALUES (999, 'future', now())");
  await newer.close();
  await refuses(
    () => openArchive(path),
    path,
    /its schema has version 999, this program knows \d+/,
  );
});

Deno.test("migrations run once each and in order, and one that fails leaves nothing behind", async () => {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const first = { version: 1, name: "first", sql: "CREATE TABLE a (x INTEGER)" };
  const second = { version: 2, name: "second", sql: "ALTER TABLE a ADD COLUMN y INTEGER" };
  const broken = { version: 3, name: "broken", sql: "CREATE TABLE b (x INTEGER); SELECT nonsense" };
  await migrate(connection, "test", [first]);
  await migrate(connection, "test", [first, second]);
  await assert.rejects(migrate(connection, "test", [first, second, broken]), /nonsense/);
  await connection.run("ROLLBACK");
  const versions = await connection.runAndReadAll("SELECT version FROM schema_version");
  assert.deepEqual(versions.getRows(), [[1], [2]]);
  const tables = await connection.getTableNames("SELECT x, y FROM a", false);
  assert.deepEqual(tables, ["a"]);
  await assert.rejects(connection.run("SELECT * FROM b"), /does not exist/);
  connection.closeSync();
  instance.closeSync();
});

Deno.test("migrations are numbered from 1 without holes", () => {
  assert.deepEqual(MIGRATIONS.map(({ version }) => version), MIGRATIONS.map((_, i) => i + 1));
});

Deno.test("closing lets go of the file: another process can open it", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const store = await openArchive(path);
  await rows(store, "SELECT * FROM range(10000)");
  await assert.rejects(store.read("SELECT nonsense"), /nonsense/);
  await store[Symbol.asyncDispose]();
  await assert.rejects(store.read("SELECT 1"), /not open/);
  await assert.rejects(store.commit([]), /closed/);
  await Deno.writeTextFile(dir.join("a.yaml"), `archive: ${path}\napi: {port: 0}\n`);
  await using archiver = startProgram("archiver/main.ts", ["--config", dir.join("a.yaml")], ["-A"]);
  await archiver.waitForLine(/Archiving into/);
});

Deno.test("a change runs between two commits, in one transaction, whole or not at all", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const insert = "INSERT INTO dead_letters VALUES (now(), 'a change', 'none', 'x'::BLOB)";
  const done: string[] = [];
  await Promise.all([
    store.commit([]).then(() => done.push("commit")),
    store.change(async (connection) => {
      await connection.run(insert);
      await connection.run(insert);
    }).then(() => done.push("change")),
    store.commit([], [{ receivedAt: 5, source: "http", reason: "bad", raw: new Uint8Array(1) }])
      .then(() => done.push("another commit")),
  ]);
  assert.deepEqual(done, ["commit", "change", "another commit"]);
  await assert.rejects(
    store.change(async (connection) => {
      await connection.run(insert);
      throw new Error("half way");
    }),
    /half way/,
  );
  // The archive goes on, without the half.
  await store.commit([]);
  const [{ count }] = await rows(store, "SELECT count(*) AS count FROM dead_letters");
  assert.equal(count, 3);
});

Deno.test("what DuckDB may put on disk beside the archive is bounded", async () => {
  await using dir = await tempDir();
  await using store = await openArchive(dir.join("a.duckdb"));
  const [{ size }] = await rows(store, "SELECT current_setting('max_temp_directory_size') AS size");
  assert.equal(size, "16.0 GiB");
});
