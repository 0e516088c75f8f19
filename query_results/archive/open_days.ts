// A folder of published days as an archive: the same tables and views, in memory, over the folder's Parquet files.

import type { DuckDBConnection } from "@duckdb/node-api";
import { join, resolve } from "node:path";
import schema from "../../archiver/store/migrations/0001_schema.sql" with { type: "text" };
import views from "../../archiver/store/migrations/0001_views.duckdb.sql" with { type: "text" };
import { firstLine, UserError } from "../../shared/errors.ts";
import {
  CONTEXT_TABLES,
  contextRows,
  correctedMessages,
  daysWritten,
  earlierRows,
  messageChanges,
} from "./context_tables.ts";
import {
  type DayIndex,
  dayIndexKey,
  folderReader,
  readDay,
  readRoot,
  WITHDRAWN,
} from "./published.ts";
import { literal } from "./sql.ts";
import { SUMMARY_NAMES } from "./summaries.ts";

/** The archiver's table of versions, which it makes before all others. */
const VERSION_TABLE =
  "CREATE TABLE schema_version (version INTEGER NOT NULL, name TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL)";
export const MESSAGE_COLUMNS: string =
  "message_id, sha256, type, size, verdict, scid, direction, node_id, " +
  "own_timestamp, inner_id, first_seen, raw";
export const RECEIPT_COLUMNS: string =
  "received_at, message_id, peer_id, collector_id, is_repeat, is_warmup";

/**
 * Makes the tables and views on a connection to an empty database.
 * @throws {UserError} in one line when the folder's index is wrong, or a file that it names is missing or no Parquet file.
 */
export async function openDays(connection: DuckDBConnection, folder: string): Promise<void> {
  const { indexes, summarised } = await readIndexes(folder);
  await makeTables(connection);
  const last = indexes.at(-1);
  const version = Math.max(0, ...indexes.map(({ schema_version }) => schema_version));
  await connection.run(`INSERT INTO schema_version VALUES (${version}, 'published days', now())`);
  if (last === undefined) return;
  const relation = (table: string, of = indexes) => {
    const files = of.flatMap(({ files }) => files.filter((file) => file.table === table));
    const paths = files.map(({ path }) => literal(resolve(folder, path)));
    return paths.length === 0 ? null : `read_parquet([${paths.join(", ")}])`;
  };
  try {
    const epochs = relation("epochs");
    const written = epochs === null ? `[DATE '${last.day}']` : daysWritten(epochs);
    for (const table of Object.keys(CONTEXT_TABLES)) {
      const files = relation(table);
      if (files === null) continue;
      const rows = contextRows(table, files, written);
      await connection.run(`INSERT INTO ${table} BY NAME ${rows}`);
    }
    const days = relation("summary_days", summarised);
    const all = summarised.flatMap(({ day, files }) =>
      files.map(({ table, path }) => ({ table, day, path: resolve(folder, path) }))
    );
    if (days !== null) await listSummaries(connection, days, all);
    const [receipts, messages, earlier] = ["receipts", "messages", "earlier_messages"].map(
      (table) => relation(table),
    );
    if (receipts !== null) {
      await connection.run(
        `CREATE OR REPLACE VIEW receipts AS SELECT ${RECEIPT_COLUMNS} FROM ${receipts}`,
      );
    }
    await viewMessages(connection, messages, earlier);
  } catch (error) {
    throw new UserError(`Cannot open the days in ${folder}: ${firstLine(error)}`, { cause: error });
  }
}

/** Makes the view of messages. @param messages relation of those first seen on the days. @param earlier of older ones. */
export async function viewMessages(
  connection: DuckDBConnection,
  messages: string | null,
  earlier: string | null,
): Promise<void> {
  if (earlier !== null) {
    await connection.run(`CREATE TABLE earlier_messages AS ${earlierRows(earlier)}`);
  }
  if (earlier !== null && messages !== null) {
    const changes = messageChanges(messages, "earlier_messages");
    await connection.run(`INSERT INTO message_changes BY NAME ${changes};
      DELETE FROM earlier_messages WHERE message_id IN (SELECT message_id FROM ${messages})`);
  }
  const corrected = messages && `(${correctedMessages(messages, "message_changes")})`;
  const parts = [corrected, earlier && "earlier_messages"].filter((part) => part !== null);
  if (parts.length === 0) return;
  const selects = parts.map((part) => `SELECT ${MESSAGE_COLUMNS} FROM ${part}`);
  await connection.run(`CREATE OR REPLACE VIEW messages AS ${selects.join(" UNION ALL ")}`);
}

/** A file of summaries, as DuckDB opens it. */
export interface SummaryFile {
  readonly table: string;
  readonly day: string;
  readonly path: string;
}

/** Lists summaries for queries to read in place of receipts. @param days relation of the rows of summary_days. */
export async function listSummaries(
  connection: DuckDBConnection,
  days: string,
  files: readonly SummaryFile[],
): Promise<void> {
  await connection.run(`INSERT INTO summary_days BY NAME FROM ${days}`);
  const summaries = files.filter(({ table }) => SUMMARY_NAMES.some((name) => name === table));
  const rows = summaries.map(({ table, day, path }, i) =>
    `(${i}, ${literal(table)}, DATE '${day}', 'cold', ${literal(path)})`
  );
  if (rows.length === 0) return;
  await connection.run(
    `INSERT INTO day_files SELECT file_id, table_name, day, 0, state, path, 'epoch', 'epoch', 0, 'epoch', 'epoch', 0, '',
      'epoch', NULL, NULL
    FROM (VALUES ${rows.join(", ")}) t(file_id, table_name, day, state, path)`,
  );
}

/** Makes an archive's tables and views, without rows, in an empty database. */
export async function makeTables(connection: DuckDBConnection): Promise<void> {
  await connection.run(`${VERSION_TABLE};\n${schema}${views}`);
}

/**
 * The indexes of the days, in order; and of those, the ones whose summaries hold. A summary rests on all days before it,
 * so none does from the first day on that is another than the list names: the folder has parts of two publications.
 */
async function readIndexes(
  folder: string,
): Promise<{ indexes: DayIndex[]; summarised: DayIndex[] }> {
  const reader = folderReader(folder);
  const { days = {} } = await readRoot(reader) ?? {};
  const indexes: DayIndex[] = [];
  for (const day of Object.keys(days).filter((day) => days[day] !== WITHDRAWN).sort()) {
    const index = await readDay(reader, day);
    const sizes = index?.files.map(async ({ path, bytes }) =>
      await Deno.stat(join(folder, path)).then(({ size }) => size === bytes, () => false)
        ? []
        : [path]
    );
    const missing = sizes === undefined ? [dayIndexKey(day)] : (await Promise.all(sizes)).flat();
    if (missing.length > 0) {
      throw new UserError(
        `Cannot open the days in ${folder}: ${
          missing[0]
        } is missing or of another size; fetch it again`,
      );
    }
    indexes.push(index!);
  }
  const other = indexes.findIndex(({ day, fingerprint }) => fingerprint !== days[day]);
  return { indexes, summarised: other < 0 ? indexes : indexes.slice(0, other) };
}
