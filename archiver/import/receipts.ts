// A source's timings into the archive as receipts. DuckDB does all of it, a range of a file's rows at a time.

import type { DuckDBConnection } from "@duckdb/node-api";
import { changeColdFirstSeen } from "../store/cold.ts";
import { rowsOf } from "../store/database.ts";
import { instant } from "../store/rows.ts";
import { literal } from "../store/sql.ts";
import { sourceHashSql } from "./columns.ts";
import type { Encodings } from "./detect.ts";
import { addFates, type FileProgress, type Import, IMPORTED, noteRowsDone } from "./ledger.ts";
import { INSTANTS } from "./parties.ts";
import type { SourceFile } from "./source.ts";

/** A message whose own timestamp is so long before its receipt is backlog: collectors mark it in the same way. */
const BACKLOG_US = 3_600_000_000;

/** What a session is said to have ended of. */
const CLOSE_REASON = "imported: known from its receipts alone";

/** Why a timing is no receipt; besides what its message was skipped for. */
const SKIPPED = {
  outbound: "outbound, no receipt",
  undirected: "direction unknown",
  timeless: "time missing or not from 2015 to 2100",
  peerless: "no collector, or peer is no node id",
  textless: "its message is not in the source",
} as const;

/** What bringing in receipts needs. */
export interface ReceiptImport {
  readonly connection: DuckDBConnection;
  readonly encodings: Encodings;
  readonly into: Import;
  /** µs since the Unix epoch. */
  readonly now: number;
}

/**
 * Makes the temporary table of the import's messages by hash, in the source's own type.
 *
 * @param file only those that it names; all when absent, which is right for more than one file unless there are years.
 */
export async function prepareHashes(
  connection: DuckDBConnection,
  { hashType }: Encodings,
  { id }: Import,
  file?: SourceFile,
): Promise<void> {
  const named = file === undefined
    ? "TRUE"
    : `i.hash IN (SELECT hash FROM read_parquet(${literal(file.path)}))`;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_hashes AS
    SELECT i.hash, i.message_id, i.skipped, epoch_us(m.own_timestamp) AS own_us
    FROM (
      SELECT ${
      sourceHashSql(hashType, "hash")
    } AS hash, message_id, skipped FROM import_messages WHERE import_id = $1
    ) i LEFT JOIN messages m ON m.message_id = i.message_id
    WHERE ${named}`,
    [id],
  );
}

/**
 * Brings the next rows of a file of timings into the archive, in one transaction. The tables of {@link prepareHashes}
 * and of `findParties` must be there.
 *
 * @param maxRows at most so many.
 */
export async function importReceipts(
  options: ReceiptImport,
  progress: FileProgress,
  maxRows: number,
): Promise<void> {
  const { connection, into } = options;
  const { file } = progress;
  const end = Math.min(file.rows, progress.rowsDone + maxRows);
  await connection.run("BEGIN");
  await stageRows(options, progress, end);
  await connection.run(
    `INSERT INTO hot_receipts
    SELECT received_at, message_id, peer_id, collector_id, FALSE, is_warmup FROM import_rows WHERE skipped IS NULL`,
  );
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_totals AS
    SELECT pair_id, skipped, count(*) AS row_count, min(received_at) AS first_at, max(received_at) AS last_at
    FROM import_rows GROUP BY pair_id, skipped`,
  );
  await addFates(
    connection,
    into.id,
    file,
    `SELECT coalesce(p.collector, '') AS collector, coalesce(t.skipped, ${
      literal(IMPORTED)
    }) AS fate, t.row_count
    FROM import_totals t LEFT JOIN import_pairs p ON p.pair_id = t.pair_id`,
  );
  await countSessions(connection);
  await countEpochs(connection, options.now);
  await lowerFirstSeen(connection);
  await connection.run(
    `UPDATE import_files SET first_at = least(import_files.first_at, c.first_at),
      last_at = greatest(import_files.last_at, c.last_at)
    FROM (SELECT min(first_at) AS first_at, max(last_at) AS last_at FROM import_totals WHERE skipped IS NULL) c
    WHERE import_id = $1 AND name = $2`,
    [into.id, file.name],
  );
  await noteRowsDone(connection, into.id, file, end);
  await connection.run("COMMIT");
  progress.rowsDone = end;
}

/** Makes the temporary table of the rows, each with its ids, or with why it is skipped. */
async function stageRows(
  { connection, encodings }: ReceiptImport,
  { file, rowsDone }: FileProgress,
  end: number,
): Promise<void> {
  const { receivedAt, inbound, peerColumn } = encodings;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_rows AS
    SELECT t.received_at, h.message_id, p.peer_id, p.collector_id, p.pair_id,
      coalesce(epoch_us(t.received_at) - h.own_us > ${BACKLOG_US}, FALSE) AS is_warmup,
      CASE
        WHEN NOT t.inbound THEN ${literal(SKIPPED.outbound)}
        WHEN t.inbound IS NULL THEN ${literal(SKIPPED.undirected)}
        WHEN t.received_at >= ${INSTANTS.from} AND t.received_at < ${INSTANTS.to} THEN
          CASE WHEN p.peer_id IS NULL OR p.epoch_id IS NULL THEN ${literal(SKIPPED.peerless)}
            WHEN h.hash IS NULL THEN ${literal(SKIPPED.textless)}
            ELSE h.skipped END
        ELSE ${literal(SKIPPED.timeless)}
      END AS skipped
    FROM (
      SELECT ${receivedAt.sql} AS received_at, ${inbound.sql} AS inbound, t.hash, t.collector, ${peerColumn} AS peer
      FROM read_parquet(${literal(file.path)}) t
      WHERE file_row_number >= ${rowsDone} AND file_row_number < ${end}
    ) t
    LEFT JOIN import_pairs p ON p.peer = t.peer AND p.collector = t.collector
    LEFT JOIN import_hashes h ON h.hash = t.hash`,
  );
}

/** One session a collector and peer, from its first receipt to its last. */
async function countSessions(connection: DuckDBConnection): Promise<void> {
  const counted = `(
    SELECT p.epoch_id, p.collector_id, p.peer_id, CAST(sum(t.row_count) AS BIGINT) AS receipts,
      min(t.first_at) AS first_at, max(t.last_at) AS last_at
    FROM import_totals t JOIN import_pairs p ON p.pair_id = t.pair_id
    WHERE t.skipped IS NULL GROUP BY ALL
  ) c`;
  await connection.run(
    `UPDATE sessions SET dialled_at = least(dialled_at, c.first_at), handshake_at = least(handshake_at, c.first_at),
      filter_at = least(filter_at, c.first_at), closed_at = greatest(closed_at, c.last_at),
      counted_at = greatest(closed_at, c.last_at), receipts = sessions.receipts + c.receipts,
      first_gossip_at = least(first_gossip_at, c.first_at), last_gossip_at = greatest(last_gossip_at, c.last_at)
    FROM ${counted} WHERE sessions.epoch_id = c.epoch_id AND sessions.peer_id = c.peer_id`,
  );
  await connection.run(
    `INSERT INTO sessions (session_id, epoch_id, number, collector_id, peer_id, address, dialled_at, handshake_at,
      filter_at, filter_first, features, closed_at, closed_by, close_reason, receipts, first_gossip_at,
      last_gossip_at, counted_at)
    SELECT row_number() OVER (ORDER BY epoch_id, peer_id) + (SELECT coalesce(max(session_id), 0) FROM sessions),
      epoch_id, row_number() OVER (PARTITION BY epoch_id ORDER BY peer_id) - 1 + c.known, collector_id, peer_id, '',
      first_at, first_at, first_at, 0, '', last_at, 'unknown', ${
      literal(CLOSE_REASON)
    }, receipts, first_at,
      last_at, last_at
    FROM (
      SELECT c.*, (SELECT count(*) FROM sessions s WHERE s.epoch_id = c.epoch_id) AS known FROM ${counted}
      ANTI JOIN sessions s ON s.epoch_id = c.epoch_id AND s.peer_id = c.peer_id
    ) c`,
  );
}

async function countEpochs(connection: DuckDBConnection, now: number): Promise<void> {
  await connection.run(
    `UPDATE epochs SET receipts = epochs.receipts + c.receipts, stamped_receipts = stamped_receipts + c.receipts,
      started_at = least(started_at, c.first_at), last_receipt_at = greatest(last_receipt_at, c.last_at),
      last_commit_at = $1
    FROM (
      SELECT p.epoch_id, CAST(sum(t.row_count) AS BIGINT) AS receipts, min(t.first_at) AS first_at,
        max(t.last_at) AS last_at
      FROM import_totals t JOIN import_pairs p ON p.pair_id = t.pair_id WHERE t.skipped IS NULL GROUP BY p.epoch_id
    ) c WHERE epochs.epoch_id = c.epoch_id`,
    [instant(now)],
  );
}

async function lowerFirstSeen(connection: DuckDBConnection): Promise<void> {
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_firsts AS
    SELECT message_id, min(received_at) AS first_at FROM import_rows WHERE skipped IS NULL GROUP BY message_id`,
  );
  await connection.run(
    `UPDATE hot_messages SET first_seen = c.first_at FROM import_firsts c
    WHERE hot_messages.message_id = c.message_id AND hot_messages.first_seen > c.first_at`,
  );
  const cold = await rowsOf(
    connection,
    `SELECT message_id, epoch_us(first_at) AS first_at FROM import_firsts
    WHERE message_id IN (SELECT message_id FROM cold_messages)`,
  );
  if (cold.length === 0) return;
  await changeColdFirstSeen(
    connection,
    cold.map(({ message_id, first_at }) => [Number(message_id), Number(first_at)]),
  );
}
