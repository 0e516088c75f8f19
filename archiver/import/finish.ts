// The end of an import, once all of its rows are there.

import type { DuckDBConnection } from "@duckdb/node-api";
import { rowsOf } from "../store/database.ts";
import { instant } from "../store/rows.ts";
import { literals } from "../store/sql.ts";
import { sourceHashSql } from "./columns.ts";
import type { Encodings } from "./detect.ts";
import type { Import } from "./ledger.ts";

/**
 * Ends the epochs with their last receipts, dates messages that came without one (by what the source says, or by their
 * own timestamps), and notes that the import is done.
 *
 * @param now µs since the Unix epoch.
 */
export async function finishImport(
  connection: DuckDBConnection,
  encodings: Encodings,
  into: Import,
  now: number,
): Promise<void> {
  await connection.run("BEGIN");
  await connection.run(
    `UPDATE epochs SET ended_at = last_receipt_at
    WHERE epoch_id IN (SELECT epoch_id FROM import_epochs WHERE import_id = $1)`,
    [into.id],
  );
  await dateMessages(connection, encodings, into);
  await connection.run("UPDATE imports SET finished_at = $2 WHERE import_id = $1", [
    into.id,
    instant(now),
  ]);
  await connection.run("COMMIT");
}

async function dateMessages(
  connection: DuckDBConnection,
  { firstSeen, hashType }: Encodings,
  { id, startedAt }: Import,
): Promise<void> {
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_undated AS
    SELECT i.message_id, ${sourceHashSql(hashType, "i.hash")} AS hash, m.own_timestamp
    FROM import_messages i JOIN hot_messages m ON m.message_id = i.message_id
    WHERE i.import_id = $1 AND m.first_seen = $2`,
    [id, instant(startedAt)],
  );
  const [{ undated }] = await rowsOf(connection, "SELECT count(*) AS undated FROM import_undated");
  if (Number(undated) === 0) return;
  const told = ["SELECT hash, NULL::TIMESTAMPTZ AS at FROM import_undated"].concat(
    firstSeen.map(({ files, at }) =>
      `SELECT f.hash, min(${at.sql}) AS at FROM read_parquet(${
        literals(files.map(({ path }) => path))
      }) f WHERE f.hash IN (SELECT hash FROM import_undated) GROUP BY f.hash`
    ),
  ).join(" UNION ALL ");
  await connection.run(
    `UPDATE hot_messages SET first_seen = least(first_seen, c.at) FROM (
      SELECT u.message_id, coalesce(min(t.at), min(u.own_timestamp)) AS at
      FROM import_undated u LEFT JOIN (${told}) t ON t.hash = u.hash GROUP BY u.message_id
    ) c WHERE hot_messages.message_id = c.message_id AND c.at IS NOT NULL`,
  );
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
