// What the archive keeps of imports: the source's files, how far each is taken over, and what became of its rows.

import type { DuckDBConnection } from "@duckdb/node-api";
import type { Clock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { type Row, rowsOf } from "../store/database.ts";
import { instant } from "../store/rows.ts";
import type { Encodings } from "./detect.ts";
import type { Source, SourceFile } from "./source.ts";

/** The fate of a row that was taken over; any other text is why one was not. */
export const IMPORTED = "imported";

/** Why a row was skipped, where later files may cure that: then it is read again. */
export const CURABLE = {
  untyped: "no metadata",
  textless: "its message is not in the source",
} as const;

/**
 * Begins `import_messages.skipped` of a message that came after receipts of it were skipped, until those are read again;
 * what follows is why it was skipped itself, or nothing.
 */
export const LATE = "late: ";

export interface FileProgress {
  readonly file: SourceFile;
  rowsDone: number;
}

export interface Import {
  readonly id: number;
  readonly prefix: string;
  /** When it began, µs since the Unix epoch. */
  readonly startedAt: number;
  /** Messages and timings, in this order. */
  readonly files: readonly FileProgress[];
}

/** What the steps of an import work with. */
export interface ImportRun {
  readonly connection: DuckDBConnection;
  readonly source: Source;
  readonly encodings: Encodings;
  readonly into: Import;
  readonly clock: Clock;
}

const FOLLOWED = ["messages", "timings"] as const;

/**
 * Takes up the import of a source, or begins one; takes note of files that are new.
 * @param id of {@link findImport}.
 * @param now µs since the Unix epoch.
 * @throws {UserError} when a file changed since it was imported or is gone before it was done, or when the prefix is
 * another one than then.
 */
export async function openImport(
  connection: DuckDBConnection,
  id: number | null,
  source: Source,
  encodings: Encodings,
  prefix: string,
  now: number,
): Promise<Import> {
  const files = FOLLOWED.flatMap((table) => source.files[table]);
  await connection.run("BEGIN");
  const opened = id === null
    ? await beginImport(connection, source, encodings, prefix, now)
    : await continueImport(connection, id, source, encodings, prefix);
  const known = await knownFiles(connection, opened);
  for (const { table, name, bytes, rows, fingerprint } of files) {
    if (known.has(name)) continue;
    await connection.run(
      "INSERT INTO import_files VALUES ($1, $2, $3, $4, $5, $6, 0, NULL, NULL, $7)",
      [opened, table, name, BigInt(bytes), BigInt(rows), fingerprint, table === "messages"],
    );
  }
  const [{ started_at: startedAt }] = await rowsOf(
    connection,
    "SELECT epoch_us(started_at) AS started_at FROM imports WHERE import_id = $1",
    [opened],
  );
  await connection.run("COMMIT");
  return {
    id: opened,
    prefix,
    startedAt: Number(startedAt),
    files: files.map((file) => ({ file, rowsDone: Number(known.get(file.name)?.rows_done ?? 0) })),
  };
}

/** The import that has one of these files of timings, or else came from this folder; null when there is none. */
export async function findImport(
  connection: DuckDBConnection,
  { files, folder }: Source,
): Promise<number | null> {
  const rows = await rowsOf(
    connection,
    "SELECT import_id, name, fingerprint FROM import_files WHERE table_name = 'timings'",
  );
  const ours = new Map(files.timings.map(({ name, fingerprint }) => [name, fingerprint]));
  const found = rows.filter(({ name, fingerprint }) => ours.get(String(name)) === fingerprint);
  if (found.length > 0) return Number(found[0].import_id);
  // All of them may have changed.
  const [same] = await rowsOf(
    connection,
    "SELECT import_id FROM imports WHERE source = $1",
    [folder],
  );
  return same === undefined ? null : Number(same.import_id);
}

async function beginImport(
  connection: DuckDBConnection,
  { folder, layout }: Source,
  { summary, form }: Encodings,
  prefix: string,
  now: number,
): Promise<number> {
  const [{ id }] = await rowsOf(
    connection,
    "SELECT coalesce(max(import_id), 0) + 1 AS id FROM imports",
  );
  await connection.run("INSERT INTO imports VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)", [
    Number(id),
    folder,
    layout,
    prefix,
    JSON.stringify(summary),
    form !== "behind_signatures",
    instant(now),
  ]);
  return Number(id);
}

async function continueImport(
  connection: DuckDBConnection,
  id: number,
  source: Source,
  { form }: Encodings,
  prefix: string,
): Promise<number> {
  const [row] = await rowsOf(
    connection,
    "SELECT source, collector_prefix, has_signatures FROM imports WHERE import_id = $1",
    [id],
  );
  const refuse = (why: string): never => {
    throw new UserError(
      `Cannot import from ${source.folder}: it was imported from ${row.source} before, ${why}`,
    );
  };
  if (row.collector_prefix !== prefix) {
    refuse(`with --collector-prefix "${row.collector_prefix}"; it cannot be imported twice`);
  }
  if (row.has_signatures !== (form !== "behind_signatures")) {
    refuse("with messages in another form; import it into another archive");
  }
  const files = new Map(
    FOLLOWED.flatMap((table) => source.files[table]).map((file) => [file.name, file]),
  );
  for (const [name, before] of await knownFiles(connection, id)) {
    const file = files.get(name);
    if (file === undefined && Number(before.rows_done) < Number(before.row_count)) {
      refuse(`and ${name} is gone, which was not done yet`);
    }
    if (file !== undefined && file.fingerprint !== before.fingerprint) {
      refuse(
        `and ${name} has changed since (${before.row_count} rows in ${before.bytes} bytes then, ` +
          `${file.rows} in ${file.bytes} now); import it into another archive`,
      );
    }
  }
  return id;
}

async function knownFiles(connection: DuckDBConnection, id: number): Promise<Map<string, Row>> {
  const rows = await rowsOf(
    connection,
    "SELECT name, fingerprint, bytes, row_count, rows_done FROM import_files WHERE import_id = $1",
    [id],
  );
  return new Map(rows.map((row) => [String(row.name), row]));
}

/** The files of timings that are not all done. @param id of {@link findImport}. */
export async function pendingTimings(
  connection: DuckDBConnection,
  id: number | null,
  { files }: Source,
): Promise<SourceFile[]> {
  const known = id === null ? new Map<string, Row>() : await knownFiles(connection, id);
  return files.timings.filter(({ name, rows }) => Number(known.get(name)?.rows_done ?? 0) < rows);
}

/** Notes, within the connection's transaction, that a file's first `rowsDone` rows are done. */
export async function noteRowsDone(
  { connection, into }: ImportRun,
  file: SourceFile,
  rowsDone: number,
): Promise<void> {
  await connection.run(
    "UPDATE import_files SET rows_done = $3 WHERE import_id = $1 AND name = $2",
    [into.id, file.name, BigInt(rowsDone)],
  );
}

/**
 * Adds to what became of a file's rows, within the connection's transaction.
 * @param counts a query with the columns collector, fate and row_count, which may be negative.
 */
export async function addFates(
  { connection, into }: ImportRun,
  { table, name }: SourceFile,
  counts: string,
): Promise<void> {
  const key = [into.id, table, name];
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_new_fates AS
    SELECT collector, fate, CAST(sum(row_count) AS BIGINT) AS row_count FROM (
      ${counts}
      UNION ALL
      SELECT collector, fate, row_count FROM import_fates
      WHERE import_id = $1 AND table_name = $2 AND name = $3
    ) GROUP BY collector, fate HAVING sum(row_count) <> 0`,
    key,
  );
  await connection.run(
    "DELETE FROM import_fates WHERE import_id = $1 AND table_name = $2 AND name = $3",
    key,
  );
  await connection.run(
    "INSERT INTO import_fates SELECT $1, $2, $3, collector, fate, row_count FROM import_new_fates",
    key,
  );
}
