/**
 * Wrong clocks set right before anything is asked. Where a collector's clock was measured to be off, temporary views
 * stand in for the archive's tables, with all of that run's instants moved by its median offset: windows, bins, first
 * sights, sessions and delays then go by one time, the archiver's. What is left of an offset, drift and the like, is
 * corrected in delays (`hearings` in definitions.sql).
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import clockShifts from "./clock_shifts.sql" with { type: "text" };

/** A row per run of a collector whose clock is to be moved. */
export const CLOCK_SHIFTS: string = clockShifts;

/** The same by collector alone, for receipts: a log of another node goes by the clock of the host that reads it. */
export const RECEIPT_SHIFTS: string = `
  SELECT collector_id, from_at, to_at, shift_us FROM (${CLOCK_SHIFTS})
  UNION ALL
  SELECT x.collector_id, c.from_at, c.to_at, c.shift_us
  FROM (${CLOCK_SHIFTS}) c JOIN collectors o ON o.collector_id = c.collector_id
    JOIN sources x ON x.recorded_by = o.name`;

const OWN = "WHERE t.collector_id NOT IN (SELECT collector_id FROM sources)";

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

function statements(archive: string, ownOnly: boolean, parts: TableParts): string[] {
  const view = (table: string, columns: string[], join: string, where = "") =>
    `CREATE OR REPLACE TEMP VIEW ${table} AS SELECT t.* REPLACE (${columns.join(", ")})
    FROM ${parts[table] ?? `${archive}.main.${table}`} t LEFT JOIN ${join} ${where}`;
  const own = ownOnly ? OWN : "";
  const byRun = "clock_shifts s ON s.epoch_id = t.epoch_id";
  return [
    ...Object.entries(INSTANTS).map(([table, columns]) =>
      view(table, columns.map(moved), byRun, table === "sessions" ? own : "")
    ),
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
      `receipt_shifts s ON s.collector_id = t.collector_id AND t.received_at >= s.from_at
        AND t.received_at < s.to_at`,
      own,
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

/** By the archive's table: the one of its rows to read in its place. */
export type TableParts = Readonly<Record<string, string>>;

/**
 * Sets wrong clocks right on `connection`, for its transaction; costs nothing where no clock is wrong.
 * @param ownOnly leaves out what was read out of other nodes' logs.
 * @returns whether receipts are read as they are stored: no clock is wrong, nothing left out.
 */
export async function correctClocks(
  connection: DuckDBConnection,
  ownOnly = false,
  parts: TableParts = {},
): Promise<boolean> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE clock_shifts AS ${CLOCK_SHIFTS}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE receipt_shifts AS ${RECEIPT_SHIFTS}`);
  const shifts = await connection.runAndReadAll(
    "SELECT current_database(), (SELECT count(*) FROM clock_shifts) AS count",
  );
  for (const [table, part] of Object.entries(parts)) {
    await connection.run(`CREATE OR REPLACE TEMP VIEW ${table} AS FROM ${part}`);
  }
  const [first] = shifts.getRows();
  if (Number(first[1]) === 0 && !ownOnly) return true;
  const archive = `"${String(first[0]).replaceAll('"', '""')}"`;
  for (const statement of statements(archive, ownOnly, parts)) await connection.run(statement);
  return false;
}
