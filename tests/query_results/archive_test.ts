/** What the runner does with archives: good, empty, held, foreign; on its own connection or on one that is open. */
import { DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { MIGRATIONS } from "../../archiver/store/migrations.ts";
import { KNOWN_SCHEMA_VERSIONS } from "../../query_results/archive/open.ts";
import { allQueries, readQueries } from "../../query_results/catalog/catalog.ts";
import { runQueries } from "../../query_results/run.ts";
import { UserError } from "../../shared/errors.ts";
import { startProgram } from "../support/servers/process.ts";
import { at, makeEmptyArchive, makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

async function fileNames(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) names.push(entry.name);
  return names.sort();
}

/** The message of the UserError that running on `path` ends with. */
async function refusal(path: string, dir: TempDir): Promise<string> {
  const error = await runQueries({ archive: path, out: dir.join("out") }).then(
    () => assert.fail("it ran"),
    (error) => error,
  );
  assert.ok(error instanceof UserError, `not a UserError: ${error}`);
  assert.ok(!error.message.includes("\n"), "more than one line");
  return error.message;
}

Deno.test("the queries know the schema that the archiver writes", () => {
  assert.ok(KNOWN_SCHEMA_VERSIONS.includes(MIGRATIONS.at(-1)!.version));
});

const QUERIES_FOLDERS = ["queries", "patterns/queries"].map((folder) =>
  new URL(`../../query_results/${folder}/`, import.meta.url).pathname
);

Deno.test("queries/ and patterns/queries/ hold nothing but queries, each with a chart, and the catalogue has them all", async () => {
  const names = allQueries().map((query) => query.name);
  assert.ok(names.length > 20);
  assert.deepEqual(
    (await Promise.all(QUERIES_FOLDERS.map(fileNames))).flat().sort(),
    names.flatMap((name) => [`${name}.sql`, `${name}.chart.json`]).sort(),
  );
});

Deno.test("a new query is two files: it stands in its section by its order, its results in the report", async () => {
  await using dir = await tempDir();
  const folder = new URL(`file://${dir.path}/`);
  const add = async (name: string, section: string, more = "") => {
    const head = `-- title: T\n-- section: ${section}\n${more}-- question: Q?\n-- inputs: i\n`;
    await Deno.writeTextFile(dir.join(`${name}.sql`), `${head}-- pitfall: p\nSELECT 1 AS n`);
    await Deno.writeTextFile(dir.join(`${name}.chart.json`), '{"mark": "bar"}');
  };
  await add("b_late", "Trends", "-- order: 900\n");
  await add("c_early", "Delay", "-- order: 100\n");
  await add("a_new", "Delay");
  await add("d_own", "Of its own");
  const listed = readQueries(folder).map(({ name }) => name);
  assert.deepEqual(listed, ["c_early", "a_new", "d_own", "b_late"]);
  await Deno.remove(dir.join("a_new.chart.json"));
  assert.throws(() => readQueries(folder), /^UserError: Cannot read .*a_new\.chart\.json: No such/);
  await Deno.writeTextFile(dir.join("a_new.chart.json"), "{");
  assert.throws(() => readQueries(folder), /^UserError: Cannot read a_new\.chart\.json: /);
});

Deno.test("a run writes one CSV and one SVG a query and the report, whole, and leaves the archive as it was", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeQueryArchive(archive);
  const before = await Deno.readFile(archive);
  const seen: string[] = [];
  const { report } = await runQueries({
    archive,
    out: dir.join("a", "out"),
    onProgress: ({ query, index, count, rows }) => seen.push(`${index}/${count} ${query} ${rows}`),
  });
  assert.equal(report, dir.join("a", "out", "index.html"));
  const names = allQueries().map((query) => query.name);
  assert.deepEqual(
    await fileNames(dir.join("a", "out")),
    [...names.flatMap((name) => [`${name}.csv`, `${name}.svg`]), "index.html"].sort(),
  );
  assert.equal(seen.length, names.length);
  assert.equal(seen[0], `1/${names.length} convergence_delay 3`);
  assert.equal(
    await Deno.readTextFile(dir.join("a", "out", "peers_per_message.csv")),
    "peers_per_message,message_count,percentage\r\n1,2,40\r\n2,2,40\r\n4,1,20\r\n",
  );
  assert.deepEqual(await Deno.readFile(archive), before);
});

Deno.test("an empty archive gives header-only CSVs, empty charts and a report", async () => {
  await using dir = await tempDir();
  await makeEmptyArchive(dir.join("gossip.duckdb"));
  const { frame, tables } = await runQueries({
    archive: dir.join("gossip.duckdb"),
    out: dir.join("out"),
    reference: { scale: 60 },
  });
  assert.deepEqual(frame.window, { from: 0, to: 0 });
  assert.equal(tables.size, allQueries().length);
  for (const [name, table] of tables) {
    assert.equal(table.rows.length, 0, name);
    const csv = await Deno.readTextFile(dir.join("out", `${name}.csv`));
    assert.match(csv, /^[a-z0-9_,]+\r\n$/, name);
    assert.match(await Deno.readTextFile(dir.join("out", `${name}.svg`)), />no data</, name);
  }
  assert.match(await Deno.readTextFile(dir.join("out", "index.html")), /empty window/);
});

Deno.test("an archive with sessions and no receipts has its window from the sessions", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeQueryArchive(archive);
  const instance = await DuckDBInstance.create(archive);
  const connection = await instance.connect();
  await connection.run("DELETE FROM hot_receipts");
  connection.closeSync();
  instance.closeSync();
  const { frame, tables } = await runQueries({ archive, out: dir.join("out") });
  // The last thing known is that gamma was started again.
  assert.deepEqual(frame.window, { from: at(0), to: at(4500) + 1 });
  assert.equal(tables.get("sessions")?.rows.length, 6);
  assert.equal(tables.get("message_totals")?.rows.length, 0);
});

Deno.test("a missing archive, a folder, no archive at all: one clear line each", async () => {
  await using dir = await tempDir();
  const missing = dir.join("none.duckdb");
  assert.equal(await refusal(missing, dir), `Cannot open archive ${missing}: no such file`);
  assert.equal(
    await refusal(dir.path, dir),
    `Cannot open archive ${dir.path}: it is a folder without published days (index.json); name an archive's file, or a ` +
      "folder that deno task archive fetch made",
  );
  const text = dir.join("text.duckdb");
  await Deno.writeTextFile(text, "not a database ".repeat(1000));
  assert.equal(await refusal(text, dir), `Cannot open archive ${text}: it is not a DuckDB file`);
  const foreign = dir.join("foreign.duckdb");
  const instance = await DuckDBInstance.create(foreign);
  instance.closeSync();
  assert.match(
    await refusal(foreign, dir),
    /foreign\.duckdb: it is not an archive of this project/,
  );
});

Deno.test("an archive of an unknown schema version is refused with both versions", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeEmptyArchive(archive, async (connection) => {
    await connection.run("INSERT INTO schema_version VALUES (999, 'later', now())");
  });
  assert.match(await refusal(archive, dir), /its schema has version 999, this program knows \d+/);
});

Deno.test("an archive that another process holds is refused with that process's id", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeEmptyArchive(archive);
  const permissions = ["--allow-read", "--allow-write", "--allow-ffi", "--allow-env"];
  await using holder = startProgram("tests/support/crash/hold_archive.ts", [archive], permissions);
  await holder.waitForLine(/^held$/);
  assert.match(
    await refusal(archive, dir),
    new RegExp(
      `process ${holder.pid} .*holds it; stop that process, or open another file, such as a snapshot$`,
    ),
  );
});

Deno.test("on an open connection the queries see one snapshot and leave no transaction behind", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeQueryArchive(archive);
  const instance = await DuckDBInstance.create(archive);
  try {
    const reading = await instance.connect();
    const writing = await instance.connect();
    let more: Promise<unknown> | undefined;
    const only = ["message_totals", "message_sizes"];
    const run = () =>
      runQueries({
        archive: reading,
        out: dir.join("out"),
        only,
        // The first query is done: what is committed now must not show in the second.
        onProgress: () => more ??= writing.run("DELETE FROM hot_receipts WHERE message_id = 1"),
      });
    const { tables } = await run();
    await more;
    assert.equal(tables.get("message_totals")?.rows[0][1], 6);
    assert.equal(tables.get("message_sizes")?.rows[0][1], 6);
    const again = await run();
    assert.equal(again.tables.get("message_totals")?.rows[0][1], 5);
    reading.closeSync();
    writing.closeSync();
  } finally {
    instance.closeSync();
  }
});

Deno.test("a signal stops a run, and the report is not written", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeQueryArchive(archive);
  const stop = new UserError("stopped");
  const controller = new AbortController();
  await assert.rejects(
    runQueries({
      archive,
      out: dir.join("out"),
      signal: controller.signal,
      onProgress: () => controller.abort(stop),
    }),
    stop,
  );
  assert.deepEqual(await fileNames(dir.join("out")), [
    "convergence_delay.csv",
    "convergence_delay.svg",
  ]);
  await assert.rejects(
    runQueries({ archive, out: dir.join("never"), signal: AbortSignal.abort(stop) }),
    stop,
  );
});

Deno.test("a query that takes too long is stopped, and named", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeEmptyArchive(archive, async (connection) => {
    await connection.run(
      "INSERT INTO hot_receipts SELECT make_timestamptz(range), range, range % 997, 1, false, false FROM range(1000000)",
    );
  });
  const only = ["gaps", "peers_per_message"];
  await assert.rejects(
    runQueries({ archive, out: dir.join("out"), only, queryLimitMs: 1 }),
    /^Error: Query (gaps|peers_per_message) failed: it took more than 0.001 s$/,
  );
});

Deno.test("each query's rows are told before the next one runs, the frame's first", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeQueryArchive(archive);
  const told: string[] = [];
  const { tables } = await runQueries({
    archive,
    out: dir.join("out"),
    only: ["gaps", "message_totals"],
    onTable: (name, table) => {
      told.push(`${name} ${table.rows.length}`);
      return Promise.resolve();
    },
    onProgress: ({ query }) => told.push(`end of ${query}`),
  });
  assert.deepEqual(told, [
    "frame 1",
    `message_totals ${tables.get("message_totals")?.rows.length}`,
    "end of message_totals",
    "gaps 1",
    "end of gaps",
  ]);
});

Deno.test("unknown queries and settings and ill-formed values are refused before anything is written", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeQueryArchive(archive);
  const out = dir.join("out");
  await assert.rejects(
    runQueries({ archive, out, only: ["gaps", "nonsense"] }),
    /^UserError: There is no query nonsense; there are convergence_delay, /,
  );
  await assert.rejects(
    runQueries({ archive, out, only: ["gaps"], settings: { reach_share: "0.4" } }),
    /^UserError: Cannot set reach_share: the selected queries take no parameters$/,
  );
  for (const value of ["half", "-1", "0", ""]) {
    await assert.rejects(
      runQueries({ archive, out, settings: { reach_share: value } }),
      new UserError(`Cannot set reach_share: "${value}" should be a number from 0.001 to 1`),
    );
  }
  await assert.rejects(
    runQueries({ archive, out, settings: { include_warmup: "yes" } }),
    /"yes" should be true or false$/,
  );
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
});
