// What a day's receipts and messages are read with, as Parquet files: the rows of the small tables that touch the day.

import type { DuckDBConnection } from "@duckdb/node-api";
import { join } from "node:path";
import { CONTEXT_TABLES } from "../../query_results/archive/context_tables.ts";
import { TREND_SOURCES } from "../../query_results/catalog/catalog.ts";
import { DAY_US, dayStart } from "../../shared/time.ts";
import { digest, removeFile } from "../days/files.ts";
import { rowsOf } from "../store/database.ts";
import { literal, literals } from "../store/sql.ts";

export interface ContextFile {
  readonly table: string;
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Clock offsets are interpolated from measurements this far before and after a window. */
const MARGIN = "INTERVAL 1 DAY";

/** The rows of each table; $from and $to are the day's bounds. Others are published whole. */
const ROWS: Readonly<Record<string, string>> = {
  // Of a run that was cut off long ago no end is known either.
  sessions:
    `SELECT * FROM sessions WHERE dialled_at < $to AND (closed_at >= $from OR closed_at IS NULL
      AND epoch_id IN (SELECT epoch_id FROM epochs WHERE coalesce(ended_at, greatest(last_commit_at, last_receipt_at)) >= $from))`,
  clock_samples: `SELECT * FROM clock_samples
    WHERE sampled_at >= $from - ${MARGIN} AND sampled_at < $to + ${MARGIN}`,
  clock_steps: `SELECT * FROM clock_steps
    WHERE noticed_at >= $from - ${MARGIN} AND noticed_at < $to + ${MARGIN}`,
  stalls: "SELECT * FROM stalls WHERE from_at < $to AND to_at >= $from",
  log_gaps: "SELECT * FROM log_gaps WHERE from_at < $to AND to_at >= $from",
  dial_outcomes: "SELECT * FROM dial_outcomes WHERE from_at < $to AND to_at >= $from",
  // Queries only count them.
  dead_letters: "SELECT * REPLACE (''::BLOB AS raw) FROM dead_letters",
  analytics_runs: `SELECT * REPLACE (NULL::VARCHAR AS folder) FROM analytics_runs
    WHERE outcome = 'done' AND window_from >= $from AND window_from < $to`,
  analytics_results: `SELECT v.* FROM analytics_results v JOIN analytics_runs r USING (run_id)
    WHERE r.outcome = 'done' AND r.window_from >= $from AND r.window_from < $to
      AND v.query IN (SELECT unnest(${literals(TREND_SOURCES)}))`,
  summary_days: "SELECT * FROM summary_days WHERE is_ready AND epoch_us(day) = epoch_us($from)",
  // Their bytes are published with the day in which they were first seen. Changed ones may be in another day's file.
  earlier_messages: `SELECT * REPLACE (NULL::BLOB AS raw) FROM messages
    WHERE message_id IN ($heard)
      AND (NOT (first_seen >= $from AND first_seen < $to) OR message_id IN (SELECT message_id FROM message_changes))`,
};

/** The messages of a day's receipts: a summary lists them, without a scan. */
const HEARD = {
  summary: "SELECT message_id FROM message_days WHERE day = $from",
  receipts:
    "SELECT DISTINCT message_id FROM receipts WHERE received_at >= $from AND received_at < $to",
};

/** Writes a day's files into a folder, one at a time; tables without rows have none. The file is removed after its turn. */
export async function* contextFiles(
  connection: DuckDBConnection,
  folder: string,
  day: string,
): AsyncGenerator<ContextFile> {
  const from = dayStart(day);
  const ready = `SELECT 1 FROM summary_days WHERE is_ready AND epoch_us(day) = ${from}`;
  const heard = (await rowsOf(connection, ready)).length > 0 ? HEARD.summary : HEARD.receipts;
  for (const table of ["earlier_messages", "summary_days", ...Object.keys(CONTEXT_TABLES)]) {
    const rows = (ROWS[table] ?? `SELECT * FROM ${table}`)
      .replace("$heard", heard)
      .replaceAll("$from", `make_timestamptz(${from})`)
      .replaceAll("$to", `make_timestamptz(${from + DAY_US})`);
    // Sorted, so that the same rows make the same file.
    const marked = table in CONTEXT_TABLES
      ? `SELECT *, DATE '${day}' AS day FROM (${rows}) ORDER BY ALL`
      : `${rows} ORDER BY ALL`;
    const path = join(folder, `${table}.parquet`);
    try {
      const [{ Count }] = await rowsOf(
        connection,
        `COPY (${marked}) TO ${
          literal(path)
        } (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION V2)`,
      );
      if (Number(Count) > 0) {
        yield { table, path, rows: Number(Count), ...await digest(path) };
      }
    } finally {
      await removeFile(path);
    }
  }
}
