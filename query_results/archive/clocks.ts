/**
 * Wrong clocks set right before anything is asked. Where a collector's clock was measured to be off, temporary views
 * stand in for the archive's tables, with all of that run's instants moved by its median offset: windows, bins, first
 * sights, sessions and delays then go by one time, the archiver's. What is left of an offset, drift and the like, is
 * corrected in delays (`hearings` in definitions.sql).
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";

/** Clocks under NTP are closer than that; a smaller offset moves no figure but delays, which are corrected for it. */
const LEAST_SHIFT_US = 100_000;

/**
 * A row per run of a collector whose clock is to be moved: the run's own instants from `from_at` to `to_at`, and by how
 * much. A run that was never measured goes by the one before it, or else after it. `is_torn`: the clock was set back
 * between two runs, so that their receipts cannot be told apart and the correction is a guess.
 */
export const CLOCK_SHIFTS = `
WITH measured AS (
  SELECT epoch_id, median(offset_microseconds) AS offset_us FROM clock_samples GROUP BY epoch_id
), runs AS (
  SELECT e.epoch_id, e.collector_id,
    CASE WHEN lag(e.epoch_id) OVER own IS NULL THEN '-infinity'::TIMESTAMPTZ ELSE e.started_at END AS from_at,
    coalesce(lead(e.started_at) OVER own, 'infinity'::TIMESTAMPTZ) AS to_at,
    greatest(e.started_at, e.ended_at, e.last_receipt_at) AS last_at,
    coalesce(m.offset_us, lag(m.offset_us IGNORE NULLS) OVER own, lead(m.offset_us IGNORE NULLS) OVER own, 0) AS offset_us
  FROM epochs e LEFT JOIN measured m ON m.epoch_id = e.epoch_id
  WINDOW own AS (PARTITION BY e.collector_id ORDER BY e.started_at)
), shifted AS (
  SELECT *, CASE WHEN abs(offset_us) >= ${LEAST_SHIFT_US} THEN CAST(round(offset_us) AS BIGINT) ELSE 0 END AS shift_us
  FROM runs
), judged AS (
  SELECT *, coalesce(last_at > to_at AND shift_us <> lead(shift_us) OVER own, false) AS is_torn FROM shifted
  WINDOW own AS (PARTITION BY collector_id ORDER BY from_at)
)
SELECT epoch_id, collector_id, from_at, to_at, shift_us, bool_or(is_torn) OVER (PARTITION BY collector_id) AS is_torn
FROM judged
QUALIFY bool_or(shift_us <> 0) OVER (PARTITION BY collector_id)`;

/** Instants by a collector's clock, of tables that name its run. */
const INSTANTS: Readonly<Record<string, readonly string[]>> = {
  epochs: ["started_at", "ended_at", "last_receipt_at"],
  sessions: [
    ...["dialled_at", "handshake_at", "filter_at", "closed_at"],
    ...["first_gossip_at", "last_gossip_at", "counted_at"],
  ],
  clock_steps: ["noticed_at"],
  stalls: ["from_at", "to_at"],
  dial_outcomes: ["from_at", "to_at"],
};

const moved = (column: string) =>
  `t.${column} + to_microseconds(coalesce(s.shift_us, 0)) AS ${column}`;

function statements(archive: string): string[] {
  const view = (table: string, columns: string[], join: string, where = "") =>
    `CREATE OR REPLACE TEMP VIEW ${table} AS SELECT t.* REPLACE (${columns.join(", ")})
    FROM ${archive}.main.${table} t LEFT JOIN ${join} ${where}`;
  const byRun = "clock_shifts s ON s.epoch_id = t.epoch_id";
  return [
    ...Object.entries(INSTANTS).map(([table, columns]) => view(table, columns.map(moved), byRun)),
    view(
      "clock_samples",
      [
        moved("sampled_at"),
        "t.offset_microseconds - coalesce(s.shift_us, 0) AS offset_microseconds",
      ],
      byRun,
      // What was measured of a torn clock says nothing about a given receipt.
      "WHERE NOT coalesce(s.is_torn, false)",
    ),
    view(
      "receipts",
      [moved("received_at")],
      `clock_shifts s ON s.collector_id = t.collector_id AND t.received_at >= s.from_at
        AND t.received_at < s.to_at`,
    ),
    `CREATE OR REPLACE TEMP TABLE first_sights AS
      SELECT message_id, min(received_at) AS first_seen FROM receipts GROUP BY message_id`,
    view(
      "messages",
      ["coalesce(f.first_seen, t.first_seen) AS first_seen"],
      "first_sights f ON f.message_id = t.message_id",
    ),
  ];
}

/** Sets wrong clocks right on `connection`, for its transaction; costs nothing where no clock is wrong. */
export async function correctClocks(connection: DuckDBConnection): Promise<void> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE clock_shifts AS ${CLOCK_SHIFTS}`);
  const shifts = await connection.runAndReadAll(
    "SELECT current_database() FROM clock_shifts LIMIT 1",
  );
  const [first] = shifts.getRows();
  if (!first) return;
  const archive = `"${String(first[0]).replaceAll('"', '""')}"`;
  for (const statement of statements(archive)) await connection.run(statement);
}
