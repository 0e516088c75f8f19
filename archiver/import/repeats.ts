// Which imported receipts are repeats: all but the first of a message from a peer at a collector. It is known only
// when all of them are there, whatever order they came in.

import type { DuckDBConnection } from "@duckdb/node-api";
import { rowsOf } from "../store/database.ts";

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
  connection: DuckDBConnection,
  importId: number,
  onPart: (share: number) => void,
): Promise<void> {
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE import_sessions AS
    SELECT collector_id, peer_id, CAST(row_number() OVER (ORDER BY session_id) AS INTEGER) AS bit FROM sessions
    WHERE epoch_id IN (SELECT epoch_id FROM import_epochs WHERE import_id = $1)`,
    [importId],
  );
  if (await findTouched(connection, importId)) {
    await findSuspects(connection, (share) => onPart(share / 2));
    await settleSuspects(connection, (share) => onPart((1 + share) / 2));
  }
  await connection.run(
    "UPDATE import_files SET repeats_marked = TRUE WHERE import_id = $1 AND NOT repeats_marked",
    [importId],
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

interface MessageGroup {
  readonly first: bigint;
  readonly last: bigint;
}

/** The message_ids of a relation in ascending groups of about `rows` of its rows. */
async function messageGroups(
  connection: DuckDBConnection,
  relation: string,
  rows: number,
): Promise<MessageGroup[]> {
  const groups = await rowsOf(
    connection,
    `SELECT min(message_id) AS first, max(message_id) AS last FROM (
      SELECT message_id, sum(count(*)) OVER (ORDER BY message_id) // ${rows} AS part
      FROM ${relation} GROUP BY message_id
    ) GROUP BY part ORDER BY first`,
  );
  return groups.map(({ first, last }) => ({ first: first as bigint, last: last as bigint }));
}
