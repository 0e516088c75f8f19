// The part of an archive that the queries need for one window, as statements that copy it into a database of its own.
// There, receipts and messages are plain tables.
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { TREND_SOURCES } from "../../query_results/catalog/catalog.ts";
import type { Window } from "../../query_results/catalog/parameters.ts";
import type { CopyStatements } from "../store/snapshot.ts";
import type { Row } from "../store/store.ts";

/** What the copy takes on disk for a receipt of the window, messages and the rest included: more than was ever seen. */
const BYTES_PER_RECEIPT = 24;

/** Tables that no query reads. The first two are in the views receipts and messages; the rest are notes for writing. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "hot_receipts",
  "hot_messages",
  "cold_messages",
  "message_changes",
  "day_file_receipts",
  "message_numbers",
  "unresolved_events",
  "imports",
  "import_files",
  "import_fates",
  "import_messages",
  "import_epochs",
]);

/** What of a table is copied, where it is not all. */
type Part = (window: { readonly from: string; readonly to: string }) => string;

/** Clocks are told from measurements around the window, too: those of so many days before and after it are copied. */
const CLOCK_DAYS = 7;
const MARGIN = `INTERVAL ${CLOCK_DAYS} DAY`;

const PARTS: Readonly<Record<string, Part>> = {
  sessions: ({ from, to }) =>
    `SELECT * FROM sessions WHERE filter_at < ${to} AND (closed_at IS NULL OR closed_at >= ${from})`,
  clock_samples: ({ from, to }) =>
    `SELECT * FROM clock_samples
    WHERE sampled_at >= ${from} - ${MARGIN} AND sampled_at < ${to} + ${MARGIN}`,
  clock_steps: ({ from, to }) =>
    `SELECT * FROM clock_steps
    WHERE noticed_at >= ${from} - ${MARGIN} AND noticed_at < ${to} + ${MARGIN}`,
  stalls: ({ from, to }) => `SELECT * FROM stalls WHERE from_at < ${to} AND to_at >= ${from}`,
  dial_outcomes: ({ from, to }) =>
    `SELECT * FROM dial_outcomes WHERE from_at < ${to} AND to_at >= ${from}`,
  // What is in files of days is in the copy itself.
  day_files: () => "SELECT * FROM day_files WHERE false",
  // They are counted, no more.
  dead_letters: () => "SELECT * REPLACE (''::BLOB AS raw) FROM dead_letters",
  analytics_results: () =>
    `SELECT * FROM analytics_results WHERE query IN (${
      TREND_SOURCES.map((query) => `'${query}'`).join(", ")
    })`,
};

/** Instants in SQL. */
function bounds({ from, to }: Window): { from: string; to: string } {
  return { from: `make_timestamptz(${from})`, to: `make_timestamptz(${to})` };
}

/** How many receipts a window has. */
function countReceipts(window: Window): string {
  const { from, to } = bounds(window);
  return `SELECT count(*) AS receipts FROM receipts WHERE received_at >= ${from} AND received_at < ${to}`;
}

/** The archive's tables. */
export const TABLE_NAMES =
  "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'";

/**
 * The statements for a window. What they copy gives the queries the same answers as the whole archive would.
 *
 * @param tables the archive's, see {@link TABLE_NAMES}; those that nothing is known of are copied whole.
 */
export function windowStatements(window: Window, tables: readonly string[]): CopyStatements {
  const { from, to } = bounds(window);
  return (copy) => {
    const create = (table: string, select: string) =>
      `CREATE TABLE ${copy}.main.${table} AS ${select}`;
    return [
      create(
        "receipts",
        `SELECT * FROM receipts WHERE received_at >= ${from} AND received_at < ${to}`,
      ),
      // No query reads what messages say: their bytes stay behind.
      create(
        "messages",
        "SELECT * REPLACE (''::BLOB AS raw) FROM messages " +
          `WHERE message_id IN (SELECT message_id FROM ${copy}.main.receipts)`,
      ),
      ...tables.filter((table) => !LEFT_OUT.has(table)).map((table) =>
        create(table, PARTS[table]?.({ from, to }) ?? `SELECT * FROM ${table}`)
      ),
    ];
  };
}

/** Room that a copy leaves for the archive itself. */
const RESERVE_BYTES = 1024 ** 3;
/** How often the copy's size is looked at. */
const WATCH_MILLISECONDS = 200;
const MIB = 1024 ** 2;

/** What is copied from. */
export interface CopySource {
  read(sql: string): Promise<Row[]>;
  /** See `Store.snapshot`. */
  snapshot(path: string, statements: CopyStatements, signal: AbortSignal): Promise<void>;
}

/**
 * Copies what the queries need for a window.
 *
 * @param path the new file, in a folder that is there.
 * @param maxBytes how large it may be.
 * @throws {Error} when it would be larger, or would leave the disk too little room, or when the copy fails.
 * @throws the signal's reason when that aborts.
 */
export async function copyWindow(
  store: CopySource,
  window: Window,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const [{ receipts }] = await store.read(countReceipts(window));
  const expected = Number(receipts) * BYTES_PER_RECEIPT;
  if (expected > maxBytes) throw new Error(tooLarge(expected, maxBytes));
  const free = await freeBytes(dirname(path));
  if (free !== null && free < expected + RESERVE_BYTES) {
    throw new Error(
      `the disk of ${dirname(path)} has ${mebibytes(free)} left, and a copy of the window may ` +
        `take ${mebibytes(expected)}, beside ${mebibytes(RESERVE_BYTES)} for the archive`,
    );
  }
  const tables = (await store.read(TABLE_NAMES)).map((row) => String(row.table_name));
  const stop = new AbortController();
  const checkSize = async () => {
    const size = await Deno.stat(path).then(({ size }) => size, () => 0);
    if (size > maxBytes) stop.abort(new Error(tooLarge(size, maxBytes)));
  };
  const watch = setInterval(checkSize, WATCH_MILLISECONDS);
  const stopped = AbortSignal.any([signal, stop.signal]);
  try {
    await store.snapshot(path, windowStatements(window, tables), stopped);
    await checkSize();
    stopped.throwIfAborted();
  } catch (error) {
    stopped.throwIfAborted();
    throw error;
  } finally {
    clearInterval(watch);
  }
}

function tooLarge(bytes: number, maxBytes: number): string {
  return `a copy of the window takes about ${mebibytes(bytes)}, and analytics.max_copy is ` +
    `${mebibytes(maxBytes)}; raise it, or choose a shorter window`;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}

/** Bytes that are free on the disk of a folder; null where this process may not ask. */
async function freeBytes(folder: string): Promise<number | null> {
  // Asking without the right would have Deno ask its user.
  const { state } = await Deno.permissions.query({ name: "sys", kind: "statfs" });
  if (state !== "granted") return null;
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
