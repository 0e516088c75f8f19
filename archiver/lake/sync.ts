// Published days into a lake: their files are registered where they lie, none is copied. What came, changed and went since
// the last time does so in one transaction, as a day's summaries rest on those before it; in it the lake also notes what it has.

import type { DuckDBConnection } from "@duckdb/node-api";
import { openDatabase } from "../../query_results/archive/database.ts";
import { resolve } from "node:path";
import { CONTEXT_TABLES } from "../../query_results/archive/context_tables.ts";
import {
  attachLake,
  lakeReason,
  type LakeSettings,
  shownCatalog,
} from "../../query_results/archive/lake.ts";
import { KNOWN_SCHEMA_VERSIONS } from "../../query_results/archive/open.ts";
import { viewStatements } from "../../query_results/archive/lake_views.ts";
import { makeTables } from "../../query_results/archive/open_days.ts";
import {
  type IndexReader,
  PUBLISHED_TABLES,
  type PublishedFile,
  readDay,
  readRoot,
  ROOT_KEY,
  type RootIndex,
  WITHDRAWN,
} from "../../query_results/archive/published.ts";
import { systemClock } from "../../shared/clock.ts";
import { systemRandom } from "../../shared/random.ts";
import { UserError } from "../../shared/errors.ts";
import { transaction } from "../days/context.ts";
import { rowsOf } from "../store/database.ts";
import { identifier, literal, literals } from "../store/sql.ts";

/** Other archivers may change the lake at the same time. */
const ATTEMPTS = 10;
const RETRY_MS = 300;
/** Registering reads footers; a replaced file is read once. */
const MEMORY_LIMIT = "512MiB";

export interface LakeLine {
  readonly action: "registered" | "replaced" | "dropped";
  readonly day: string;
  readonly files: number;
}

export interface SyncOptions {
  readonly signal: AbortSignal;
  readonly onLine: (line: LakeLine) => void;
}

/**
 * Makes the lake have the source's days, as they are published now.
 * @param source whose name is where DuckDB reads the files: a folder, or `s3://bucket/prefix`.
 * @returns the name of the archive, and DuckLake's number of the lake as it is then.
 * @throws {UserError} in one line when the lake cannot be opened or changed, or has another archive of this name.
 */
export async function syncLake(
  settings: LakeSettings,
  source: IndexReader,
  { signal, onLine }: SyncOptions,
): Promise<{ archive: string; snapshot: number }> {
  const list = await readRoot(source);
  if (list === null) {
    throw new UserError(
      `${source.shown} has no ${ROOT_KEY}: no days are published there (days.publish in an archiver's config)`,
    );
  }
  using database = await openDatabase(":memory:", { memory_limit: MEMORY_LIMIT });
  const { connection } = database;
  const interrupt = () => connection.interrupt();
  signal.addEventListener("abort", interrupt);
  try {
    // The schema's tables, to make the lake's by.
    await makeTables(connection);
    await attachLake(connection, settings, {
      readOnly: false,
      dataPath: dataPath(settings, source),
    });
    await syncDays(connection, settings, source, list, { signal, onLine });
    const [{ id }] = await rowsOf(connection, "FROM ducklake_current_snapshot('lake')");
    return { archive: list.archive.name, snapshot: Number(id) };
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}

/** Of deletions and small tables: beside a catalogue in a file, else below the published days. */
function dataPath({ catalog }: LakeSettings, { shown }: IndexReader): string {
  return /^postgres(ql)?:/.test(catalog) ? `${shown}/lake/` : `${resolve(catalog)}.files/`;
}

async function syncDays(
  connection: DuckDBConnection,
  settings: LakeSettings,
  source: IndexReader,
  list: RootIndex,
  { signal, onLine }: SyncOptions,
): Promise<void> {
  const change = (work: () => Promise<void>) => retried(connection, settings, signal, work);
  await change(() => addArchive(connection, list, settings));
  const { name } = list.archive;
  const there = await filesThere(connection, name);
  const wished = Object.keys(list.days).filter((day) => list.days[day] !== WITHDRAWN);
  const dropped = [...there.keys()].filter((day) => !wished.includes(day));
  const changes: DayChange[] = [];
  for (const day of wished.sort()) {
    const before = there.get(day) ?? [];
    if (before[0]?.fingerprint === list.days[day]) continue;
    signal.throwIfAborted();
    const index = await readDay(source, day);
    if (index === null) continue;
    const { schema_version: version, fingerprint } = index;
    if (fingerprint !== list.days[day]) {
      throw new UserError(
        `${source.shown} has ${day} otherwise than its ${ROOT_KEY} says: it is being published, or parts were fetched before ` +
          "it changed; run the command again later, or fetch the day again",
      );
    }
    if (!KNOWN_SCHEMA_VERSIONS.includes(version)) {
      throw new UserError(
        `${source.shown} has ${day} in the schema's version ${version}, this program knows ${
          KNOWN_SCHEMA_VERSIONS.join(", ")
        }; use the ` +
          "program that published it",
      );
    }
    const after = index.files.map((file) => ({
      ...file,
      path: `${source.shown}/${file.path}`,
      fingerprint,
    }));
    await expectListed(connection, settings, day, after);
    changes.push({ action: before.length === 0 ? "registered" : "replaced", day, before, after });
  }
  if (changes.length + dropped.length === 0) return;
  await change(async () => {
    await dropDays(connection, name, there, dropped);
    for (const day of changes) {
      signal.throwIfAborted();
      await replaceFiles(connection, name, day);
    }
  });
  for (const day of dropped) onLine({ action: "dropped", day, files: there.get(day)!.length });
  for (const { action, day, after } of changes) onLine({ action, day, files: after.length });
}

/** @throws {UserError} when a file is missing, or has another size or number of rows than its day's index says. */
async function expectListed(
  connection: DuckDBConnection,
  settings: LakeSettings,
  day: string,
  files: readonly (LakeFile & Pick<PublishedFile, "rows" | "bytes">)[],
): Promise<void> {
  if (files.length === 0) return;
  const footers = await rowsOf(
    connection,
    `SELECT file_name, num_rows, file_size_bytes FROM parquet_file_metadata(${
      literals(files.map(({ path }) => path))
    })`,
  ).catch((error) => {
    throw new UserError(
      `Cannot register ${day} in lake ${shownCatalog(settings)}: ${lakeReason(error)}`,
      { cause: error },
    );
  });
  const found = new Map(footers.map((footer) => [String(footer.file_name), footer]));
  for (const { path, rows, bytes } of files) {
    const footer = found.get(path);
    if (Number(footer?.num_rows) === rows && Number(footer?.file_size_bytes) === bytes) continue;
    throw new UserError(
      `Cannot register ${day} in lake ${
        shownCatalog(settings)
      }: ${path} has not the ${rows} rows and ${bytes} bytes that its ` +
        "index says; fetch or publish it again",
    );
  }
}

interface LakeFile {
  readonly table: string;
  readonly path: string;
  readonly fingerprint: string;
}

interface DayChange extends Pick<LakeLine, "action" | "day"> {
  readonly before: readonly LakeFile[];
  readonly after: readonly LakeFile[];
}

async function filesThere(
  connection: DuckDBConnection,
  name: string,
): Promise<Map<string, LakeFile[]>> {
  const rows = await rowsOf(
    connection,
    `SELECT CAST(day AS TEXT) AS day, table_name, path, fingerprint FROM lake.main.archive_files
    WHERE archive = $1 ORDER BY day, table_name, path`,
    [name],
  );
  const files = rows.map((row) => ({
    day: String(row.day),
    table: String(row.table_name),
    path: String(row.path),
    fingerprint: String(row.fingerprint),
  }));
  return Map.groupBy(files, ({ day }) => day);
}

/** Makes the lake's own tables, and the archive's, where they are not there. */
async function addArchive(
  connection: DuckDBConnection,
  { archive: { name, made_at_us } }: RootIndex,
  settings: LakeSettings,
): Promise<void> {
  await connection.run(`CREATE TABLE IF NOT EXISTS lake.main.archives
    (archive TEXT, made_at TIMESTAMPTZ, schema_version INTEGER)`);
  await connection.run(`CREATE TABLE IF NOT EXISTS lake.main.archive_files
    (archive TEXT, day DATE, table_name TEXT, path TEXT, fingerprint TEXT)`);
  const archives = await rowsOf(
    connection,
    "SELECT archive, epoch_us(made_at) AS made_at FROM lake.main.archives ORDER BY archive",
  );
  const known = archives.find(({ archive }) => archive === name);
  if (known !== undefined) {
    if (Number(known.made_at) === made_at_us) return;
    throw new UserError(
      `Lake ${
        shownCatalog(settings)
      } has another archive that is called ${name}; publish this one under a name of ` +
        "its own (days.publish.name)",
    );
  }
  if (name === "main") {
    throw new UserError("An archive in a lake cannot be called main (days.publish.name)");
  }
  await connection.run(`CREATE SCHEMA lake.${identifier(name)}`);
  for (const table of PUBLISHED_TABLES) await makeTable(connection, name, table);
  await connection.run(
    `INSERT INTO lake.main.archives VALUES ($1, make_timestamptz(${made_at_us}), ${
      KNOWN_SCHEMA_VERSIONS.at(-1)
    })`,
    [name],
  );
  const names = [...archives.map(({ archive }) => String(archive)), name].sort();
  for (const statement of viewStatements(names)) await connection.run(statement);
}

async function makeTable(connection: DuckDBConnection, name: string, table: string): Promise<void> {
  const like = table === "earlier_messages" ? "messages" : table;
  const day = table in CONTEXT_TABLES ? ", NULL::DATE AS day" : "";
  await connection.run(
    `CREATE TABLE lake.${
      identifier(name)
    }.${table} AS SELECT *${day} FROM memory.main.${like} LIMIT 0`,
  );
}

async function addFile(
  connection: DuckDBConnection,
  name: string,
  { table, path }: LakeFile,
): Promise<void> {
  await connection.run(
    `CALL ducklake_add_data_files('lake', ${literal(table)}, ${literal(path)}, schema => ${
      literal(name)
    })`,
  );
}

/** Makes the tables that have files of dropped days anew of the others: to delete rows, DuckDB reads the file, which is gone. */
async function dropDays(
  connection: DuckDBConnection,
  name: string,
  there: ReadonlyMap<string, readonly LakeFile[]>,
  dropped: readonly string[],
): Promise<void> {
  const tables = new Set(dropped.flatMap((day) => there.get(day)!.map(({ table }) => table)));
  const rest = [...there].flatMap(([day, files]) => dropped.includes(day) ? [] : files);
  for (const table of tables) {
    await connection.run(`DROP TABLE lake.${identifier(name)}.${table}`);
    await makeTable(connection, name, table);
    for (const file of rest.filter((file) => file.table === table)) {
      await addFile(connection, name, file);
    }
  }
  for (const day of dropped) await forgetFiles(connection, name, day);
}

async function forgetFiles(connection: DuckDBConnection, name: string, day: string): Promise<void> {
  await connection.run(
    `DELETE FROM lake.main.archive_files WHERE archive = $1 AND day = DATE '${day}'`,
    [name],
  );
}

async function replaceFiles(
  connection: DuckDBConnection,
  name: string,
  { day, before, after }: DayChange,
): Promise<void> {
  const has = (files: readonly LakeFile[], { path }: LakeFile) =>
    files.some((file) => file.path === path);
  const table = (file: LakeFile) => `lake.${identifier(name)}.${file.table}`;
  for (const file of before.filter((file) => !has(after, file))) {
    await connection.run(`DELETE FROM ${table(file)} WHERE filename = ${literal(file.path)}`);
  }
  for (const file of after.filter((file) => !has(before, file))) {
    await addFile(connection, name, file);
  }
  await forgetFiles(connection, name, day);
  for (const file of after) {
    await connection.run(
      `INSERT INTO lake.main.archive_files VALUES ($1, DATE '${day}', $2, $3, $4)`,
      [name, file.table, file.path, file.fingerprint],
    );
  }
}

/** Runs a transaction, again when another archiver's came first. */
async function retried(
  connection: DuckDBConnection,
  settings: LakeSettings,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await transaction(connection, work);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UserError) throw error;
      const why = lakeReason(error);
      if (
        !/conflict|already exists|duplicate key|serialize|deadlock/i.test(why) ||
        attempt === ATTEMPTS
      ) {
        throw new UserError(`Cannot change lake ${shownCatalog(settings)}: ${why}`, {
          cause: error,
        });
      }
      // At random, or two archivers would meet again and again.
      await systemClock.sleep(RETRY_MS * attempt * (0.5 + systemRandom.next()), signal);
    }
  }
}
