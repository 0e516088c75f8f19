// Copies the part of an archive that queries need for one window into a database of its own, in which receipts and
// messages are plain tables.

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { CLOCK_SHIFTS, RECEIPT_SHIFTS } from "../../query_results/archive/clocks.ts";
import { TREND_SOURCES } from "../../query_results/catalog/catalog.ts";
import type { Window } from "../../query_results/catalog/parameters.ts";
import type { CopyStatements } from "../store/snapshot.ts";
import { literals } from "../store/sql.ts";
import type { Row } from "../store/store.ts";

/** Disk per receipt of the window, messages and the rest included: above the most ever seen. */
const BYTES_PER_RECEIPT = 24;

/** Tables that no query reads: the first two are in the views, the rest serve writing. */
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

type Part = (window: { readonly from: string; readonly to: string }) => string;

/** Clock offsets are interpolated from measurements around the window: copied this far before and after it. */
const CLOCK_DAYS = 7;
const MARGIN = `INTERVAL ${CLOCK_DAYS} DAY`;

const PARTS: Readonly<Record<string, Part>> = {
  // Whether several processes hold a peer is judged by whole days.
  sessions: ({ from, to }) =>
    `SELECT * FROM sessions WHERE filter_at < ${to} + INTERVAL 2 DAY
      AND (closed_at IS NULL OR closed_at >= ${from} - INTERVAL 2 DAY)`,
  clock_samples: ({ from, to }) =>
    `SELECT * FROM clock_samples
    WHERE sampled_at >= ${from} - ${MARGIN} AND sampled_at < ${to} + ${MARGIN}`,
  clock_steps: ({ from, to }) =>
    `SELECT * FROM clock_steps
    WHERE noticed_at >= ${from} - ${MARGIN} AND noticed_at < ${to} + ${MARGIN}`,
  log_gaps: ({ from, to }) => `SELECT * FROM log_gaps WHERE from_at < ${to} AND to_at >= ${from}`,
  stalls: ({ from, to }) =>
    `SELECT * FROM stalls WHERE from_at < ${to} AND to_at >= ${from} - INTERVAL 1 SECOND`,
  dial_outcomes: ({ from, to }) =>
    `SELECT * FROM dial_outcomes WHERE from_at < ${to} AND to_at >= ${from}`,
  // The copy itself holds the rows of files of days.
  day_files: () => "SELECT * FROM day_files WHERE false",
  summary_days: () => "SELECT * FROM summary_days WHERE false",
  // Queries only count them.
  dead_letters: () => "SELECT * REPLACE (''::BLOB AS raw) FROM dead_letters",
  analytics_results: () =>
    `SELECT * FROM analytics_results WHERE query IN (SELECT unnest(${literals(TREND_SOURCES)}))
      AND (query <> 'patterns' OR column_name IN ('kind', 'entity', 'effect'))`,
};

/** Copied whole where a clock was wrong: their instants are not the window's. */
const CLOCKED = ["sessions", "clock_samples", "clock_steps", "stalls", "dial_outcomes"];

/**
 * The receipts of a window by corrected time, and each collector's first receipt of their messages before it, by which the
 * queries know what was seen before.
 */
function movedReceipts(from: string, to: string): string {
  return `WITH shifts AS (${RECEIPT_SHIFTS}), moved AS (
    SELECT r.*, r.received_at + to_microseconds(coalesce(s.shift_us, 0)) AS true_at
    FROM receipts r LEFT JOIN shifts s
      ON s.collector_id = r.collector_id AND r.received_at >= s.from_at AND r.received_at < s.to_at
  ), inside AS (
    SELECT DISTINCT message_id FROM moved WHERE true_at >= ${from} AND true_at < ${to}
  ), firsts AS (
    SELECT message_id, collector_id, min(true_at) AS true_at
    FROM moved SEMI JOIN inside USING (message_id) GROUP BY message_id, collector_id
  )
  SELECT * EXCLUDE true_at FROM moved WHERE true_at >= ${from} AND true_at < ${to}
  UNION ALL
  SELECT DISTINCT * EXCLUDE true_at FROM moved SEMI JOIN firsts USING (message_id, collector_id, true_at)
  WHERE true_at < ${from}`;
}

/** Whether a collector's clock was so wrong that queries move its times. */
export const IS_MOVED = `SELECT count(*) > 0 AS moved FROM (${CLOCK_SHIFTS})`;

function bounds({ from, to }: Window): { from: string; to: string } {
  return { from: `make_timestamptz(${from})`, to: `make_timestamptz(${to})` };
}

function countReceipts(window: Window): string {
  const { from, to } = bounds(window);
  return `SELECT count(*) AS receipts FROM receipts WHERE received_at >= ${from} AND received_at < ${to}`;
}

export const TABLE_NAMES =
  "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'";

/**
 * The statements for a window. What they copy gives the queries the same answers as the whole archive would.
 * @param tables the archive's, see {@link TABLE_NAMES}; unknown ones are copied whole.
 * @param isMoved see {@link IS_MOVED}.
 */
export function windowStatements(
  window: Window,
  tables: readonly string[],
  isMoved = false,
): CopyStatements {
  const { from, to } = bounds(window);
  const part = (table: string) =>
    isMoved && CLOCKED.includes(table) ? undefined : PARTS[table]?.({ from, to });
  const receipts = isMoved
    ? movedReceipts(from, to)
    : `SELECT * FROM receipts WHERE received_at >= ${from} AND received_at < ${to}`;
  return (copy) => {
    const create = (table: string, select: string) =>
      `CREATE TABLE ${copy}.main.${table} AS ${select}`;
    return [
      create("receipts", receipts),
      // Queries read the bytes of announcements only.
      create(
        "messages",
        "SELECT * REPLACE (CASE WHEN type IN (256, 257) THEN raw ELSE ''::BLOB END AS raw) FROM messages " +
          `WHERE message_id IN (SELECT message_id FROM ${copy}.main.receipts)`,
      ),
      ...tables.filter((table) => !LEFT_OUT.has(table)).map((table) =>
        create(table, part(table) ?? `SELECT * FROM ${table}`)
      ),
    ];
  };
}

const RESERVE_BYTES = 1024 ** 3;
const WATCH_MS = 200;
const MIB = 1024 ** 2;

export interface CopySource {
  read(sql: string): Promise<Row[]>;
  snapshot(path: string, statements: CopyStatements, signal: AbortSignal): Promise<void>;
}

/**
 * Copies what queries need for a window.
 * @param path the new file, in an existing folder.
 * @param maxBytes limit of its size.
 * @throws {Error} when it would exceed that or fill the disk, or when the copy fails.
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
      `the disk of ${dirname(path)} has ${mebibytes(free)} left; a copy of the window may take ` +
        `${mebibytes(expected)}, and ${mebibytes(RESERVE_BYTES)} should stay free for the archive`,
    );
  }
  const tables = (await store.read(TABLE_NAMES)).map((row) => String(row.table_name));
  const stop = new AbortController();
  const checkSize = async () => {
    const size = await Deno.stat(path).then(({ size }) => size, () => 0);
    if (size > maxBytes) stop.abort(new Error(tooLarge(size, maxBytes)));
  };
  const watch = setInterval(checkSize, WATCH_MS);
  const stopped = AbortSignal.any([signal, stop.signal]);
  try {
    const [{ moved }] = await store.read(IS_MOVED);
    await store.snapshot(path, windowStatements(window, tables, Boolean(moved)), stopped);
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
  return `a copy of the window takes about ${mebibytes(bytes)}; analytics.max_copy is ` +
    `${mebibytes(maxBytes)}; raise it, or choose a shorter window`;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}

/** Free bytes on the disk of a folder; null where this process may not ask. */
export async function freeBytes(folder: string): Promise<number | null> {
  // Asking without the permission would prompt the user.
  const { state } = await Deno.permissions.query({ name: "sys", kind: "statfs" });
  if (state !== "granted") return null;
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
