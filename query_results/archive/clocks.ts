// Wrong clocks set right before anything is asked. Where a collector's clock was measured to be off, temporary views
// stand in for the archive's tables, with all of that run's instants moved by its median offset: windows, bins, first
// sights, sessions and delays then go by one time, the archiver's. What is left of an offset, drift and the like, is
// corrected in delays (`hearings` in receipts.sql).

import type { DuckDBConnection } from "@duckdb/node-api";
import { DAY_US } from "../../shared/time.ts";
import type { Window } from "../catalog/parameters.ts";
import { valuesOf } from "./database.ts";
import { at, identifier } from "./sql.ts";
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

/** Stretches of time in which moved receipts and sessions may change a figure. Leaves what is moved in temporary tables. */
export async function movedSpans(connection: DuckDBConnection): Promise<Window[]> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE clock_shifts AS ${CLOCK_SHIFTS}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE receipt_shifts AS ${RECEIPT_SHIFTS}`);
  // A log has receipts from before and after the run of the collector that reads it.
  const found = await valuesOf(
    connection,
    `
    SELECT epoch_us(CASE WHEN isfinite(c.from_at) THEN c.from_at WHEN x.recorded_by IS NULL THEN e.started_at END),
      epoch_us(CASE WHEN isfinite(c.to_at) THEN c.to_at
        WHEN x.recorded_by IS NULL AND e.ended_at IS NOT NULL THEN greatest(e.ended_at, e.last_receipt_at) END),
      (SELECT max(abs(shift_us)) FROM clock_shifts)
    FROM clock_shifts c JOIN epochs e ON e.epoch_id = c.epoch_id JOIN collectors o ON o.collector_id = c.collector_id
      LEFT JOIN (SELECT DISTINCT recorded_by FROM sources) x ON x.recorded_by = o.name
    WHERE c.shift_us <> 0 OR c.is_torn`,
  );
  return found.map(([from, to, shift]) => ({
    from: Number(from ?? -Infinity) - Number(shift) - DAY_US,
    to: Number(to ?? Infinity) + Number(shift) + DAY_US,
  }));
}

const ALWAYS: Window = { from: -Infinity, to: Infinity };

function statements(
  archive: string,
  ownOnly: boolean,
  parts: TableParts,
  { from, to }: Window,
): string[] {
  const view = (table: string, select: string) =>
    `CREATE OR REPLACE TEMP VIEW ${table} AS ${select}`;
  const stored = (table: string) => parts[table] ?? `${archive}.main.${table}`;
  const joined = (table: string, columns: string[], join: string, where = "") =>
    `SELECT t.* REPLACE (${columns.join(", ")}) FROM ${stored(table)} t LEFT JOIN ${join} ${where}`;
  // Outside, rows are as stored, so that filters on their time skip most of them.
  const inside = (time: string) => `t.${time} >= ${at(from)} AND t.${time} < ${at(to)}`;
  const outside = (table: string, time: string) =>
    [`< ${at(from)}`, `>= ${at(to)}`].map((side) =>
      ` UNION ALL FROM ${stored(table)} WHERE ${time} ${side}`
    ).join("");
  const own = ownOnly ? OWN : "";
  const byRun = "clock_shifts s ON s.epoch_id = t.epoch_id";
  const movedReceipts = joined(
    "receipts",
    [moved("received_at")],
    `receipt_shifts s ON s.collector_id = t.collector_id AND t.received_at >= s.from_at
      AND t.received_at < s.to_at`,
    `${own === "" ? "WHERE" : `${own} AND`} ${inside("received_at")}`,
  );
  return [
    ...Object.entries(INSTANTS).map(([table, columns]) =>
      view(table, joined(table, columns.map(moved), byRun, table === "sessions" ? own : ""))
    ),
    view(
      "clock_samples",
      joined(
        "clock_samples",
        [
          moved("sampled_at"),
          "t.offset_microseconds - coalesce(s.shift_us, 0) AS offset_microseconds",
        ],
        byRun,
        // What was measured of a torn clock says nothing about a given receipt.
        "WHERE NOT coalesce(s.is_torn, false)",
      ),
    ),
    `CREATE OR REPLACE TEMP TABLE first_sights AS
      SELECT message_id, min(received_at) AS first_seen FROM (${movedReceipts}) GROUP BY message_id`,
    view("receipts", movedReceipts + outside("receipts", "received_at")),
    view(
      "messages",
      joined(
        "messages",
        ["coalesce(f.first_seen, t.first_seen) AS first_seen"],
        "first_sights f ON f.message_id = t.message_id",
        `WHERE ${inside("first_seen")}`,
      ) + outside("messages", "first_seen"),
    ),
  ];
}

/** By the archive's table: the one of its rows to read in its place. */
export type TableParts = Readonly<Record<string, string>>;

/**
 * Sets wrong clocks right on `connection`, for its transaction; costs nothing where no clock is wrong.
 * @param ownOnly leaves out what was read out of other nodes' logs.
 * @returns where receipts are not read as they are stored: with a day around what is moved, or everywhere.
 */
export async function correctClocks(
  connection: DuckDBConnection,
  ownOnly = false,
  parts: TableParts = {},
): Promise<Window[]> {
  for (const [table, part] of Object.entries(parts)) {
    await connection.run(`CREATE OR REPLACE TEMP VIEW ${table} AS FROM ${part}`);
  }
  const moved = await movedSpans(connection);
  const spans = ownOnly ? [ALWAYS] : moved;
  if (spans.length === 0) return [];
  const [[name]] = await valuesOf(connection, "SELECT current_database()");
  const archive = identifier(String(name));
  const hull = {
    from: Math.min(...spans.map(({ from }) => from)),
    to: Math.max(...spans.map(({ to }) => to)),
  };
  for (const statement of statements(archive, ownOnly, parts, hull)) {
    await connection.run(statement);
  }
  return spans;
}
