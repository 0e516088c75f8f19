/**
 * The end of an import, once all of its rows are there.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { rowsOf } from "../store/database.ts";
import { instant } from "../store/rows.ts";
import type { Encodings } from "./detect.ts";
import type { Import } from "./ledger.ts";
import type { Source } from "./source.ts";
import { literals } from "./sql.ts";

/**
 * Ends the epochs with their last receipts, dates messages that came without one (by what the source says, or by their
 * own timestamps), and notes that the import is done. The table of `prepareHashes` must be there.
 *
 * @param now µs since the Unix epoch.
 */
export async function finishImport(
  connection: DuckDBConnection,
  source: Source,
  { firstSeen }: Encodings,
  { id, startedAt }: Import,
  now: number,
): Promise<void> {
  await connection.run("BEGIN");
  await connection.run(
    `UPDATE epochs SET ended_at = last_receipt_at
    WHERE epoch_id IN (SELECT epoch_id FROM import_epochs WHERE import_id = $1)`,
    [id],
  );
  const paths = source.files.messages.map(({ path }) => path);
  const told = firstSeen === null
    ? "SELECT NULL::BIGINT AS message_id, NULL::TIMESTAMPTZ AS at WHERE FALSE"
    : `
    SELECT h.message_id, min(${firstSeen.sql}) AS at FROM read_parquet(${literals(paths)}) m
    JOIN import_hashes h ON h.hash = m.hash
    WHERE h.message_id IN (SELECT message_id FROM hot_messages WHERE first_seen = $2) GROUP BY h.message_id`;
  await connection.run(
    `UPDATE hot_messages SET first_seen = least(first_seen, coalesce(c.at, c.own_timestamp, first_seen))
    FROM (
      SELECT m.message_id, t.at, m.own_timestamp FROM hot_messages m
      LEFT JOIN (${told}) t ON t.message_id = m.message_id
      WHERE m.first_seen = $2 AND m.message_id IN (SELECT message_id FROM import_messages WHERE import_id = $1)
    ) c WHERE hot_messages.message_id = c.message_id`,
    [id, instant(startedAt)],
  );
  await connection.run("UPDATE imports SET finished_at = $2 WHERE import_id = $1", [
    id,
    instant(now),
  ]);
  await connection.run("COMMIT");
}

/** Whether an import is finished, with no file that came since. */
export async function isFinished(connection: DuckDBConnection, { id }: Import): Promise<boolean> {
  const [{ finished, pending }] = await rowsOf(
    connection,
    `SELECT finished_at IS NOT NULL AS finished, (
      SELECT count(*) FROM import_files WHERE import_id = $1 AND (rows_done < row_count OR NOT repeats_marked)
    ) AS pending FROM imports WHERE import_id = $1`,
    [id],
  );
  return finished === true && Number(pending) === 0;
}
