// Who a source's timings are of: its collectors, each with an epoch that stands for all it recorded, and their peers.

import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { rowsOf } from "../store/database.ts";
import { instant } from "../store/rows.ts";
import { literal } from "../store/sql.ts";
import type { Encodings } from "./detect.ts";
import type { Import } from "./ledger.ts";
import type { SourceFile } from "./source.ts";

/** The first instant that a timing may have, in SQL, and the first that it may not. */
export const INSTANTS = {
  from: "TIMESTAMPTZ '2015-01-01 00:00:00+00'",
  to: "TIMESTAMPTZ '2100-01-01 00:00:00+00'",
} as const;

/** A row that is a receipt as far as its own columns tell. */
function isReceiptSql({ receivedAt, inbound }: Encodings): string {
  return `(${inbound.sql}) AND ${receivedAt.sql} >= ${INSTANTS.from} AND ${receivedAt.sql} < ${INSTANTS.to}`;
}

/**
 * Makes the temporary table `import_pairs` of a file: one row a collector and peer in it, with the ids that the archive
 * has for them. Collectors, epochs and peers that receipts will need get theirs; nothing is counted yet.
 *
 * @param version what the new epochs give for the collector's software.
 * @param now µs since the Unix epoch.
 * @throws {UserError} when a collector of that name is in the archive for something else.
 */
export async function findParties(
  connection: DuckDBConnection,
  encodings: Encodings,
  { id, prefix }: Import,
  file: SourceFile,
  version: string,
  now: number,
): Promise<void> {
  const { nodeId, peerColumn, receivedAt } = encodings;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_found AS
    SELECT ${
      literal(prefix)
    } || t.collector AS name, t.collector, t.peer, ${nodeId.sql} AS node_id, t.first_at
    FROM (
      SELECT t.collector, ${peerColumn} AS peer,
        min(${receivedAt.sql}) FILTER (WHERE ${isReceiptSql(encodings)}) AS first_at
      FROM read_parquet(${literal(file.path)}) t GROUP BY ALL
    ) t`,
  );
  const sending =
    "import_found WHERE node_id IS NOT NULL AND first_at IS NOT NULL AND name IS NOT NULL";
  await refuseOthers(connection, id, `SELECT name FROM ${sending}`);
  await connection.run("BEGIN");
  await addNames(connection, "collectors", "collector_id", `SELECT name FROM ${sending}`);
  await addNames(connection, "peers", "peer_id", `SELECT node_id AS name FROM ${sending}`);
  await connection.run(
    `INSERT INTO epochs (epoch_id, collector_id, started_at, version, next_batch, receipts, stamped_receipts,
      last_commit_at)
    SELECT row_number() OVER (ORDER BY c.collector_id) + (SELECT coalesce(max(epoch_id), 0) FROM epochs),
      c.collector_id, f.first_at, $2, 0, 0, 0, $3
    FROM (SELECT name, min(first_at) AS first_at FROM ${sending} GROUP BY name) f
    JOIN collectors c ON c.name = f.name
    WHERE c.collector_id NOT IN (
      SELECT e.collector_id FROM import_epochs i JOIN epochs e ON e.epoch_id = i.epoch_id WHERE i.import_id = $1)`,
    [id, version, instant(now)],
  );
  await connection.run(
    `INSERT INTO import_epochs
    SELECT $1, e.epoch_id FROM epochs e JOIN collectors c ON c.collector_id = e.collector_id
    WHERE c.name IN (SELECT name FROM ${sending}) AND e.epoch_id NOT IN (SELECT epoch_id FROM import_epochs)`,
    [id],
  );
  await connection.run("COMMIT");
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_pairs AS
    SELECT CAST(row_number() OVER () AS INTEGER) AS pair_id, f.collector, f.peer, p.peer_id, e.collector_id, e.epoch_id
    FROM import_found f
    LEFT JOIN peers p ON p.node_id = f.node_id
    LEFT JOIN (
      SELECT c.name, c.collector_id, i.epoch_id FROM import_epochs i
      JOIN epochs e ON e.epoch_id = i.epoch_id JOIN collectors c ON c.collector_id = e.collector_id
      WHERE i.import_id = $1
    ) e ON e.name = f.name`,
    [id],
  );
}

/**
 * Refuses collectors whose names mean something else in the archive.
 *
 * @param importId the import; null when it is not begun.
 * @param names a query with the column name.
 * @throws {UserError} when there are such.
 */
export async function refuseOthers(
  connection: DuckDBConnection,
  importId: number | null,
  names: string,
): Promise<void> {
  const others = await rowsOf(
    connection,
    `SELECT DISTINCT c.name FROM collectors c JOIN epochs e ON e.collector_id = c.collector_id
    WHERE c.name IN (${names})
      AND e.epoch_id NOT IN (SELECT epoch_id FROM import_epochs WHERE import_id = ${importId ?? 0})
    ORDER BY c.name`,
  );
  if (others.length === 0) return;
  const first = others.slice(0, 3).map(({ name }) => printable(String(name))).join(", ");
  throw new UserError(
    `Cannot import: the archive has receipts of its own of ${
      others.length === 1 ? "a collector" : `${others.length} collectors`
    } with the same name (${first}); keep them apart with --collector-prefix`,
  );
}

/** Gives ids to names that a table does not have yet. @param names a query with the column name. */
async function addNames(
  connection: DuckDBConnection,
  table: "collectors" | "peers",
  key: string,
  names: string,
): Promise<void> {
  const column = table === "peers" ? "node_id" : "name";
  await connection.run(
    `INSERT INTO ${table}
    SELECT row_number() OVER (ORDER BY name) + (SELECT coalesce(max(${key}), 0) FROM ${table}), name
    FROM (SELECT DISTINCT name FROM (${names})) WHERE name NOT IN (SELECT ${column} FROM ${table})`,
  );
}
