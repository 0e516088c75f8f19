// A source's timings into the archive as receipts, a range of a file's rows at a time; their collectors and peers.

import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { changeColdFirstSeen } from "../store/cold.ts";
import { rowsOf } from "../store/database.ts";
import { instant } from "../store/rows.ts";
import { literal, literals } from "../store/sql.ts";
import { scidReadings, sourceHashSql } from "./encodings.ts";
import type { Encodings } from "./detect.ts";
import {
  addFates,
  CURABLE,
  type FileProgress,
  IMPORTED,
  type ImportRun,
  LATE,
  noteRowsDone,
} from "./ledger.ts";
import type { SourceFile } from "./source.ts";

/** The first instant that a timing may have, in SQL, and the first that it may not. */
export const INSTANTS = {
  from: "TIMESTAMPTZ '2015-01-01 00:00:00+00'",
  to: "TIMESTAMPTZ '2100-01-01 00:00:00+00'",
} as const;

function isReceiptSql({ receivedAt, inbound }: Encodings): string {
  return `(${inbound.sql}) AND ${receivedAt.sql} >= ${INSTANTS.from} AND ${receivedAt.sql} < ${INSTANTS.to}`;
}

/**
 * Makes, within the connection's transaction, the temporary table `import_pairs` of a file: one row a collector and peer in it, with the ids that the archive
 * has for them. Collectors, epochs and peers that receipts will need get theirs; nothing is counted yet.
 *
 * @throws {UserError} when a collector of that name is in the archive for something else.
 */
export async function findParties(run: ImportRun, file: SourceFile): Promise<void> {
  const { connection, encodings, clock } = run;
  const { nodeId, peerColumn, receivedAt } = encodings;
  const { id, prefix } = run.into;
  await connection.run(`CREATE OR REPLACE TEMP TABLE import_found AS
    SELECT ${literal(prefix)} || t.collector AS name, t.collector, t.peer,
      ${nodeId.sql} AS node_id, t.first_at
    FROM (
      SELECT t.collector, ${peerColumn} AS peer,
        min(${receivedAt.sql}) FILTER (WHERE ${isReceiptSql(encodings)}) AS first_at
      FROM read_parquet(${literal(file.path)}) t GROUP BY ALL
    ) t`);
  const sending =
    "import_found WHERE node_id IS NOT NULL AND first_at IS NOT NULL AND name IS NOT NULL";
  await refuseOthers(connection, id, `SELECT name FROM ${sending}`);
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
    [id, importVersion(run), instant(clock.now())],
  );
  await connection.run(
    `INSERT INTO import_epochs
    SELECT $1, e.epoch_id FROM epochs e JOIN collectors c ON c.collector_id = e.collector_id
    WHERE c.name IN (SELECT name FROM ${sending}) AND e.epoch_id NOT IN (SELECT epoch_id FROM import_epochs)`,
    [id],
  );
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
  const whose = others.length === 1 ? "a collector" : `${others.length} collectors`;
  throw new UserError(
    `Cannot import: the archive has receipts of its own of ${whose} with the same name (${first}); ` +
      "keep them apart with --collector-prefix",
  );
}

async function addNames(
  connection: DuckDBConnection,
  table: "collectors" | "peers",
  key: string,
  names: string,
): Promise<void> {
  const column = table === "peers" ? "node_id" : "name";
  await connection.run(`INSERT INTO ${table}
    SELECT row_number() OVER (ORDER BY name) + (SELECT coalesce(max(${key}), 0) FROM ${table}), name
    FROM (SELECT DISTINCT name FROM (${names})) WHERE name NOT IN (SELECT ${column} FROM ${table})`);
}

/** A message is backlog when its own timestamp is this long before its receipt, as collectors mark it. */
const BACKLOG_US = 3_600_000_000;

const CLOSE_REASON = "imported: known from its receipts alone";

const SKIPPED = {
  outbound: "outbound, no receipt",
  undirected: "direction unknown",
  timeless: "time missing or not from 2015 to 2100",
  peerless: "no collector, or peer is no node id",
  textless: CURABLE.textless,
} as const;

/**
 * Makes the temporary table of the import's messages by hash, in the source's own type.
 * @param file only those that it names; all when absent, which is right for more than one file unless there are years.
 */
export async function prepareHashes(run: ImportRun, file?: SourceFile): Promise<void> {
  const named = file === undefined
    ? "TRUE"
    : `i.hash IN (SELECT hash FROM read_parquet(${literal(file.path)}))`;
  await makeHashes(run, "TRUE", named);
}

/** @param which conditions on rows of `import_messages`, and on them as `i` with the source's hash. */
async function makeHashes(
  { connection, encodings, into }: ImportRun,
  which: string,
  named = "TRUE",
): Promise<void> {
  const skipped = `CASE WHEN skipped LIKE ${literal(`${LATE}%`)}
    THEN nullif(substr(skipped, ${LATE.length + 1}), '') ELSE skipped END`;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_hashes AS
    SELECT i.hash, i.message_id, i.skipped, epoch_us(m.own_timestamp) AS own_us
    FROM (
      SELECT ${sourceHashSql(encodings.hashType, "hash")} AS hash, message_id, ${skipped} AS skipped
      FROM import_messages WHERE import_id = $1 AND ${which}
    ) i LEFT JOIN messages m ON m.message_id = i.message_id
    WHERE ${named}`,
    [into.id],
  );
}

/**
 * Brings the next rows of a file of timings into the archive, in one transaction. The tables of {@link prepareHashes}
 * and of `findParties` must be there.
 * @param maxRows the most to take.
 */
export async function importReceipts(
  run: ImportRun,
  progress: FileProgress,
  maxRows: number,
): Promise<void> {
  const { connection } = run;
  const { file } = progress;
  const end = Math.min(file.rows, progress.rowsDone + maxRows);
  await connection.run("BEGIN");
  await stageRows(run, progress, end);
  await noteMissing(run);
  await addFates(run, file, NEW_FATES);
  await takeRows(run, file);
  await noteRowsDone(run, file, end);
  await connection.run("COMMIT");
  progress.rowsDone = end;
}

/**
 * Brings in, in one transaction, the receipts that were skipped before their messages came: those whose messages
 * begin with {@link LATE}.
 * @param onFile is called after each file.
 * @throws {UserError} when a file that has such receipts is gone.
 */
export async function importLateReceipts(
  run: ImportRun,
  onFile: (file: SourceFile) => void,
): Promise<void> {
  const { connection, into } = run;
  if (!await hasLate(run)) return;
  const waiting = await filesThatWait(run);
  const late = `skipped LIKE ${literal(`${LATE}%`)}`;
  await connection.run("BEGIN");
  await makeHashes(run, late);
  for (const progress of into.files) {
    const { file, rowsDone } = progress;
    if (!waiting.has(file.name)) continue;
    await findParties(run, file);
    await stageRows(run, { file, rowsDone: 0 }, rowsDone, "JOIN");
    const others = [SKIPPED.outbound, SKIPPED.undirected, SKIPPED.timeless, SKIPPED.peerless];
    await connection.run(
      `DELETE FROM import_rows WHERE skipped IN (SELECT unnest(${literals(others)}))`,
    );
    await addFates(run, file, CURED_FATES);
    await takeRows(run, file);
    await connection.run(
      `UPDATE import_files SET repeats_marked = FALSE WHERE import_id = $1 AND name = $2
        AND EXISTS (SELECT 1 FROM import_rows WHERE skipped IS NULL)`,
      [into.id, file.name],
    );
    onFile(file);
  }
  await connection.run(
    `UPDATE import_messages SET skipped = nullif(substr(skipped, ${LATE.length + 1}), '')
    WHERE import_id = $1 AND ${late}`,
    [into.id],
  );
  await connection.run("COMMIT");
}

/** Whether receipts that were skipped have their messages by now. */
export async function hasLate({ connection, into }: ImportRun): Promise<boolean> {
  const late = await rowsOf(
    connection,
    "SELECT 1 FROM import_messages WHERE import_id = $1 AND starts_with(skipped, $2) LIMIT 1",
    [into.id, LATE],
  );
  return late.length > 0;
}

/** Names of the files with receipts that may be late. @throws {UserError} when one is gone. */
async function filesThatWait({ connection, into }: ImportRun): Promise<ReadonlySet<string>> {
  const rows = await rowsOf(
    connection,
    `SELECT DISTINCT name FROM import_fates WHERE import_id = $1 AND table_name = 'timings'
      AND fate IN (SELECT unnest(${literals(Object.values(CURABLE))})) ORDER BY name`,
    [into.id],
  );
  const names = rows.map(({ name }) => String(name));
  const there = new Set(into.files.map(({ file }) => file.name));
  const gone = names.find((name) => !there.has(name));
  if (gone !== undefined) {
    throw new UserError(
      `Cannot continue the import: ${gone} is missing, but some of its receipts can now be matched ` +
        "to messages; restore it and run again",
    );
  }
  return new Set(names);
}

/** Notes hashes whose messages are missing, so that their receipts are read again once those come. */
async function noteMissing({ connection, encodings, into }: ImportRun): Promise<void> {
  const [hash] = scidReadings({ name: "timings.hash", sql: "hash", type: encodings.hashType });
  await connection.run(
    `INSERT INTO import_messages
    SELECT $1, hash, NULL, $2 FROM (
      SELECT DISTINCT ${hash.sql} AS hash FROM import_rows WHERE skipped = $2
    ) WHERE hash IS NOT NULL
      AND hash NOT IN (SELECT hash FROM import_messages WHERE import_id = $1)`,
    [into.id, SKIPPED.textless],
  );
}

const NEW_FATES = `SELECT coalesce(p.collector, '') AS collector,
    coalesce(r.skipped, ${literal(IMPORTED)}) AS fate, count(*) AS row_count
  FROM import_rows r LEFT JOIN import_pairs p ON p.pair_id = r.pair_id GROUP BY ALL`;

/** {@link NEW_FATES} of rows that had a curable fate ($1, $3: import and file), which they lose. */
const CURED_FATES = `WITH fresh AS (${NEW_FATES}), cured AS (
    SELECT c.collector, c.row_count, least(c.row_count, coalesce(f.row_count, 0)) AS textless
    FROM (SELECT collector, CAST(sum(row_count) AS BIGINT) AS row_count FROM fresh GROUP BY collector) c
    LEFT JOIN import_fates f ON f.collector = c.collector AND f.import_id = $1 AND f.name = $3
      AND f.table_name = 'timings' AND f.fate = ${literal(CURABLE.textless)}
  )
  SELECT * FROM fresh
  UNION ALL SELECT collector, ${literal(CURABLE.textless)}, -textless FROM cured
  UNION ALL SELECT collector, ${literal(CURABLE.untyped)}, textless - row_count FROM cured`;

/** Brings the staged rows into the archive, with all that is counted of them. */
async function takeRows({ connection, into, clock }: ImportRun, file: SourceFile): Promise<void> {
  await connection.run(`INSERT INTO hot_receipts
    SELECT received_at, message_id, peer_id, collector_id, FALSE, is_warmup FROM import_rows WHERE skipped IS NULL`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE import_totals AS
    SELECT pair_id, skipped, count(*) AS row_count, min(received_at) AS first_at, max(received_at) AS last_at
    FROM import_rows GROUP BY pair_id, skipped`);
  await countSessions(connection);
  await countEpochs(connection, clock.now());
  await lowerFirstSeen(connection);
  await connection.run(
    `UPDATE import_files SET first_at = least(import_files.first_at, c.first_at),
      last_at = greatest(import_files.last_at, c.last_at)
    FROM (SELECT min(first_at) AS first_at, max(last_at) AS last_at FROM import_totals WHERE skipped IS NULL) c
    WHERE import_id = $1 AND name = $2`,
    [into.id, file.name],
  );
}

/** What new epochs give for the collector's software. */
function importVersion({ source }: ImportRun): string {
  return `imported from ${source.folder}`;
}

/** Makes the temporary table of the rows, each with its ids, or with why it is skipped. */
async function stageRows(
  { connection, encodings }: ImportRun,
  { file, rowsDone }: Readonly<FileProgress>,
  end: number,
  join: "LEFT JOIN" | "JOIN" = "LEFT JOIN",
): Promise<void> {
  const { receivedAt, inbound, peerColumn } = encodings;
  await connection.run(`CREATE OR REPLACE TEMP TABLE import_rows AS
    SELECT t.hash, t.received_at, h.message_id, p.peer_id, p.collector_id, p.pair_id,
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
    ${join} import_hashes h ON h.hash = t.hash`);
}

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
      first_at, first_at, first_at, 0, '', last_at, 'unknown', '${CLOSE_REASON}', receipts,
      first_at, last_at, last_at
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
  await connection.run(`CREATE OR REPLACE TEMP TABLE import_firsts AS
    SELECT message_id, min(received_at) AS first_at FROM import_rows WHERE skipped IS NULL GROUP BY message_id`);
  await connection.run(`UPDATE hot_messages SET first_seen = c.first_at FROM import_firsts c
    WHERE hot_messages.message_id = c.message_id AND hot_messages.first_seen > c.first_at`);
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
