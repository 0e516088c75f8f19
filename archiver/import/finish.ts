// The end of an import: repeats are marked (all but the first receipt of a message from a peer at a collector, known only
// when all are there, whatever order they came in), messages without a receipt are dated, and what went in and what came
// out is compared.

import type { DuckDBConnection } from "@duckdb/node-api";
import { alignedText } from "../../query_results/format/table.ts";
import { grouped, printable } from "../../shared/text.ts";
import { rowsOf } from "../store/database.ts";
import { instant } from "../store/rows.ts";
import { literals } from "../store/sql.ts";
import { sourceHashSql } from "./encodings.ts";
import { IMPORTED, type ImportRun } from "./ledger.ts";
import { OPTIONAL_TABLES, readParquet, type Source, type SourceFile } from "./source.ts";

/**
 * Ends the epochs with their last receipts, dates messages that came without one (by what the source says, or by
 * their own timestamps), and notes that the import is done.
 */
export async function finishImport(run: ImportRun): Promise<void> {
  const { connection, into, clock } = run;
  await connection.run("BEGIN");
  await connection.run(
    `UPDATE epochs SET ended_at = last_receipt_at
    WHERE epoch_id IN (SELECT epoch_id FROM import_epochs WHERE import_id = $1)`,
    [into.id],
  );
  await dateMessages(run);
  const finished = [into.id, instant(clock.now())];
  await connection.run("UPDATE imports SET finished_at = $2 WHERE import_id = $1", finished);
  await connection.run("COMMIT");
}

/**
 * Takes back, in an import that finished before, the dates of messages without a receipt: one may have come by now.
 * {@link finishImport} dates the others again.
 */
export async function forgetDates({ connection, into }: ImportRun): Promise<void> {
  const { id, startedAt } = into;
  const [{ finished }] = await rowsOf(
    connection,
    "SELECT finished_at IS NOT NULL AS finished FROM imports WHERE import_id = $1",
    [id],
  );
  if (finished !== true) return;
  await connection.run(
    `UPDATE hot_messages SET first_seen = $2 WHERE first_seen <> $2
      AND message_id IN (SELECT message_id FROM import_messages WHERE import_id = $1)
      AND message_id NOT IN (
        SELECT message_id FROM import_messages WHERE import_id <> $1 AND message_id IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.message_id = hot_messages.message_id)`,
    [id, instant(startedAt)],
  );
}

async function dateMessages({ connection, encodings, into }: ImportRun): Promise<void> {
  const { firstSeen, hashType } = encodings;
  const { id, startedAt } = into;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_undated AS
    SELECT i.message_id, ${sourceHashSql(hashType, "i.hash")} AS hash, m.own_timestamp
    FROM import_messages i JOIN hot_messages m ON m.message_id = i.message_id
    WHERE i.import_id = $1 AND m.first_seen = $2`,
    [id, instant(startedAt)],
  );
  const [{ undated }] = await rowsOf(connection, "SELECT count(*) AS undated FROM import_undated");
  if (Number(undated) === 0) return;
  const dates = ["SELECT hash, NULL::TIMESTAMPTZ AS at FROM import_undated"].concat(
    firstSeen.map(({ files, at }) =>
      `SELECT f.hash, min(${at.sql}) AS at FROM ${readParquet(files)} f
      WHERE f.hash IN (SELECT hash FROM import_undated) GROUP BY f.hash`
    ),
  ).join(" UNION ALL ");
  await connection.run(`UPDATE hot_messages SET first_seen = least(first_seen, c.at) FROM (
      SELECT u.message_id, coalesce(min(t.at), min(u.own_timestamp)) AS at
      FROM import_undated u LEFT JOIN (${dates}) t ON t.hash = u.hash GROUP BY u.message_id
    ) c WHERE hot_messages.message_id = c.message_id AND c.at IS NOT NULL`);
}

/** Bits set aside at once, one for each message and session: 128 MiB. */
const GROUP_BITS = 2 ** 30;
/** Receipts of messages with repeats that are looked at together: about 300 MiB of DuckDB's memory. */
const GROUP_RECEIPTS = 4_000_000;

/**
 * Marks repeats among the messages of which the import's files that are not settled yet brought receipts. Doing it
 * again changes nothing.
 * @param onPart gets the share done.
 */
export async function markRepeats(
  { connection, into }: ImportRun,
  onPart: (share: number) => void,
): Promise<void> {
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_sessions AS
    SELECT collector_id, peer_id, CAST(row_number() OVER (ORDER BY session_id) AS INTEGER) AS bit FROM sessions
    WHERE epoch_id IN (SELECT epoch_id FROM import_epochs WHERE import_id = $1)`,
    [into.id],
  );
  if (await findTouched(connection, into.id)) {
    await findSuspects(connection, (share) => onPart(share / 2));
    await settleSuspects(connection, (share) => onPart((1 + share) / 2));
  }
  await connection.run(
    "UPDATE import_files SET repeats_marked = TRUE WHERE import_id = $1 AND NOT repeats_marked",
    [into.id],
  );
}

async function findTouched(connection: DuckDBConnection, importId: number): Promise<boolean> {
  const [files] = await rowsOf(
    connection,
    `SELECT epoch_us(min(first_at)) AS first_at, epoch_us(max(last_at)) AS last_at
    FROM import_files WHERE import_id = $1 AND NOT repeats_marked`,
    [importId],
  );
  if (files.first_at === null) return false;
  await connection.run(`CREATE OR REPLACE TEMP TABLE import_touched AS
    SELECT DISTINCT message_id FROM receipts
    WHERE received_at BETWEEN make_timestamptz(${files.first_at}) AND make_timestamptz(${files.last_at})
      AND collector_id IN (SELECT collector_id FROM import_sessions)`);
  return true;
}

/**
 * Makes the temporary table of messages that some peer delivered more than once to some collector: those with more
 * receipts than sessions. A bit for each session finds them several times faster than counting each session's would.
 */
async function findSuspects(
  connection: DuckDBConnection,
  onPart: (share: number) => void,
): Promise<void> {
  const [{ bits }] = await rowsOf(connection, "SELECT count(*) AS bits FROM import_sessions");
  const size = Math.ceil(GROUP_BITS / Number(bits));
  const groups = await messageGroups(connection, "import_touched", size);
  await connection.run("CREATE OR REPLACE TEMP TABLE import_suspects (message_id BIGINT)");
  for (const [i, group] of groups.entries()) {
    await connection.run(`INSERT INTO import_suspects
      SELECT r.message_id FROM receipts r
      JOIN import_sessions s ON s.collector_id = r.collector_id AND s.peer_id = r.peer_id
      WHERE r.message_id BETWEEN ${group.first} AND ${group.last}
        AND r.message_id IN (SELECT message_id FROM import_touched)
      GROUP BY r.message_id HAVING count(*) > bit_count(bitstring_agg(s.bit, 1, ${bits}))`);
    onPart((i + 1) / groups.length);
  }
}

/** Settles is_repeat of the hot receipts of suspects. The first of a message may be a cold one. */
async function settleSuspects(
  connection: DuckDBConnection,
  onPart: (share: number) => void,
): Promise<void> {
  const ours = (alias: string) =>
    `${alias}.message_id IN (SELECT message_id FROM import_suspects)
      AND ${alias}.collector_id IN (SELECT collector_id FROM import_sessions)`;
  const groups = await messageGroups(
    connection,
    `(SELECT r.message_id FROM receipts r WHERE ${ours("r")})`,
    GROUP_RECEIPTS,
  );
  await connection.run(
    "CREATE OR REPLACE TEMP TABLE import_changes (id BIGINT, is_repeat BOOLEAN)",
  );
  for (const [i, { first, last }] of groups.entries()) {
    const inGroup = (alias: string) =>
      `${alias}.message_id BETWEEN ${first} AND ${last} AND ${ours(alias)}`;
    await connection.run(`INSERT INTO import_changes
      SELECT id, is_repeat FROM (
        SELECT h.rowid AS id, h.is_repeat AS before, h.received_at > f.first_at OR row_number() OVER (
          PARTITION BY h.message_id, h.peer_id, h.collector_id ORDER BY h.received_at, h.rowid) > 1 AS is_repeat
        FROM hot_receipts h JOIN (
          SELECT r.message_id, r.peer_id, r.collector_id, min(r.received_at) AS first_at FROM receipts r
          WHERE ${inGroup("r")} GROUP BY ALL HAVING count(*) > 1
        ) f ON f.message_id = h.message_id AND f.peer_id = h.peer_id AND f.collector_id = h.collector_id
        WHERE ${inGroup("h")}
      ) WHERE before <> is_repeat`);
    onPart((i + 1) / groups.length);
  }
  await connection.run(
    `UPDATE hot_receipts SET is_repeat = c.is_repeat FROM import_changes c WHERE hot_receipts.rowid = c.id`,
  );
}

/** The message_ids of a relation in ascending groups of about `rows` of its rows. */
async function messageGroups(connection: DuckDBConnection, relation: string, rows: number) {
  return await rowsOf(
    connection,
    `SELECT min(message_id) AS first, max(message_id) AS last FROM (
      SELECT message_id, sum(count(*)) OVER (ORDER BY message_id) // ${rows} AS part
      FROM ${relation} GROUP BY message_id
    ) GROUP BY part ORDER BY first`,
  );
}

/** Whether an import is finished, with no file that came since. */
export async function isFinished({ connection, into }: ImportRun): Promise<boolean> {
  const [{ finished, pending }] = await rowsOf(
    connection,
    `SELECT finished_at IS NOT NULL AS finished, (
      SELECT count(*) FROM import_files WHERE import_id = $1 AND (rows_done < row_count OR NOT repeats_marked)
    ) AS pending FROM imports WHERE import_id = $1`,
    [into.id],
  );
  return finished === true && Number(pending) === 0;
}

export interface Count {
  readonly what: string;
  readonly inSource: number;
  readonly taken: number;
  readonly inArchive: number;
  readonly skipped: ReadonlyMap<string, number>;
}

/** Whether each row of the source is in the archive or was skipped for a reason. */
export function isAccounted({ inSource, taken, inArchive, skipped }: Count): boolean {
  const left = [...skipped.values()].reduce((sum, count) => sum + count, 0);
  return inSource === taken + left && inArchive === taken;
}

/** How many rows of `timings` each collector has in these files. */
export async function countTimings(
  connection: DuckDBConnection,
  files: readonly SourceFile[],
): Promise<Map<string, number>> {
  if (files.length === 0) return new Map();
  const rows = await rowsOf(
    connection,
    `SELECT coalesce(collector, '') AS collector, count(*) AS count
    FROM ${readParquet(files)} GROUP BY ALL ORDER BY collector`,
  );
  return new Map(rows.map(({ collector, count }) => [String(collector), Number(count)]));
}

/**
 * Compares an import with its source: messages, then receipts in all and by collector.
 * @param counted of {@link countTimings}, of the files `names`. Of files that were done before, the import's own
 * count is taken.
 */
export async function compareCounts(
  { connection, into: { id, prefix, files } }: ImportRun,
  counted: ReadonlyMap<string, number>,
  names: readonly string[],
): Promise<Count[]> {
  const fates = await rowsOf(
    connection,
    `SELECT table_name, collector, fate, CAST(sum(row_count) AS BIGINT) AS row_count,
      CAST(coalesce(sum(row_count) FILTER (
        WHERE name NOT IN (SELECT unnest(${literals(names)}::VARCHAR[]))), 0) AS BIGINT) AS before
    FROM import_fates WHERE import_id = $1 GROUP BY table_name, collector, fate ORDER BY ALL`,
    [id],
  );
  const timings = new Map(counted);
  for (const { table_name, collector, before } of fates) {
    if (table_name !== "timings") continue;
    timings.set(String(collector), (timings.get(String(collector)) ?? 0) + Number(before));
  }
  const split = (table: string, collector?: string) => {
    const skipped = new Map<string, number>();
    let taken = 0;
    for (const row of fates) {
      if (row.table_name !== table || collector !== undefined && row.collector !== collector) {
        continue;
      }
      const fate = String(row.fate);
      if (fate.startsWith(IMPORTED)) taken += Number(row.row_count);
      else skipped.set(fate, (skipped.get(fate) ?? 0) + Number(row.row_count));
    }
    return { taken, skipped };
  };
  const archived = await archivedReceipts(connection, id);
  const [{ messages }] = await rowsOf(
    connection,
    `SELECT count(*) AS messages FROM import_messages WHERE import_id = $1
      AND message_id IN (SELECT message_id FROM hot_messages UNION ALL SELECT message_id FROM cold_messages)`,
    [id],
  );
  const inSource = files.reduce(
    (all, { file }) => all + (file.table === "messages" ? file.rows : 0),
    0,
  );
  const byCollector = [...timings].map(([collector, inSource]): Count => ({
    what: `receipts of ${printable(collector, 80)}`,
    inSource,
    inArchive: archived.get(prefix + collector) ?? 0,
    ...split("timings", collector),
  }));
  const sum = (of: (count: Count) => number) =>
    byCollector.reduce((all, count) => all + of(count), 0);
  return [
    { what: "messages", inSource, inArchive: Number(messages), ...split("messages") },
    {
      what: "receipts",
      inSource: sum(({ inSource }) => inSource),
      inArchive: sum(({ inArchive }) => inArchive),
      ...split("timings"),
    },
    ...byCollector,
  ];
}

const NOT_TAKEN = {
  message_first_seen: "not needed but to date messages without a receipt",
  message_hashes: "not needed: derived from the messages' bytes",
};

/** Of tables that a source may have beside the others: all rows, none of which is taken over. */
export function countNotTaken({ files }: Source): Count[] {
  return OPTIONAL_TABLES.filter((table) => files[table].length > 0).map((table) => {
    const inSource = files[table].reduce((sum, { rows }) => sum + rows, 0);
    const skipped = new Map([[NOT_TAKEN[table], inSource]]);
    return { what: table, inSource, taken: 0, inArchive: 0, skipped };
  });
}

/** How many receipts the archive holds, or held before a day was dropped, by collector of an import. */
async function archivedReceipts(
  connection: DuckDBConnection,
  importId: number,
): Promise<Map<string, number>> {
  const rows = await rowsOf(
    connection,
    `WITH ours AS (
      SELECT e.collector_id FROM import_epochs i JOIN epochs e ON e.epoch_id = i.epoch_id WHERE i.import_id = $1
    )
    SELECT c.name, CAST(sum(r.receipts) AS BIGINT) AS receipts FROM (
      SELECT collector_id, count(*) AS receipts FROM receipts GROUP BY collector_id
      UNION ALL
      SELECT d.collector_id, d.receipts FROM day_file_receipts d JOIN day_files f ON f.file_id = d.file_id
      WHERE f.state = 'dropped'
    ) r JOIN collectors c ON c.collector_id = r.collector_id
    WHERE r.collector_id IN (SELECT collector_id FROM ours) GROUP BY c.name`,
    [importId],
  );
  return new Map(rows.map(({ name, receipts }) => [String(name), Number(receipts)]));
}

/** The comparison as a table. */
export function countsTable(counts: readonly Count[]): string {
  const rows = counts.map((count) => [
    count.what,
    grouped(count.inSource),
    grouped(count.taken),
    grouped(count.inArchive),
    grouped([...count.skipped.values()].reduce((sum, rows) => sum + rows, 0)),
    isAccounted(count) ? "" : "DOES NOT FIT",
    [...count.skipped].map(([reason, rows]) => `${grouped(rows)} ${reason}`).join("; "),
  ]);
  const head = ["", "in source", "imported", "in archive", "skipped", "", "skipped why"];
  return alignedText([head, ...rows], (column) => column >= 1 && column <= 4).join("\n");
}
