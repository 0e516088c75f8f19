// The tables kept by days, and where their files lie: TABLE/YYYY/MM/DD/TABLE_YYYY-MM-DD.parquet.

import { join } from "node:path";
import { SUMMARY_NAMES } from "../../query_results/archive/summaries.ts";

export const TABLE_NAMES = ["receipts", "messages", ...SUMMARY_NAMES] as const;
export type TableName = typeof TABLE_NAMES[number];

/** A table kept by days; its hot rows are in the table `hot`, sorted into days by the column `time`. */
export interface DayTable {
  readonly name: TableName;
  readonly hot: string;
  readonly time: string;
  readonly columns: Readonly<Record<string, ColumnSum>>;
}

/**
 * What is summed over a column; anything that reads Parquet can repeat it.
 *
 * - `microseconds`: of instants, since the Unix epoch;
 * - `value`: of integers, and 1 for each true;
 * - `md5`: of texts and bytes, the last 8 bytes of each one's MD5 as an unsigned little-endian integer, which is
 *   DuckDB's `md5_number_lower`.
 *
 * Nulls count as nothing.
 */
export type ColumnSum = "microseconds" | "value" | "md5";

/** Receipts, by the day in which they were received. */
export const RECEIPTS: DayTable = {
  name: "receipts",
  hot: "hot_receipts",
  time: "received_at",
  columns: {
    received_at: "microseconds",
    message_id: "value",
    peer_id: "value",
    collector_id: "value",
    is_repeat: "value",
    is_warmup: "value",
  },
};

/** Messages, by the day in which they were first seen. */
export const MESSAGES: DayTable = {
  name: "messages",
  hot: "hot_messages",
  time: "first_seen",
  columns: {
    message_id: "value",
    sha256: "md5",
    type: "value",
    size: "value",
    verdict: "md5",
    scid: "value",
    direction: "value",
    node_id: "md5",
    own_timestamp: "microseconds",
    inner_id: "md5",
    first_seen: "microseconds",
    raw: "md5",
  },
};

/** Hot, then in files. */
export const DAY_TABLES: readonly DayTable[] = [RECEIPTS, MESSAGES];

/** Delays until so many percent of the peers have a message. */
export const DELAY_COLUMNS: readonly string[] = ["0_1", "5", "25", "50", "75", "95", "99_9"]
  .map((percent) => `us_${percent}pct`);

/** Those kept of each message: the outermost would take a quarter more room. */
export const MESSAGE_DELAYS: readonly string[] = DELAY_COLUMNS.slice(1, -1);

function summary(name: TableName, instants: string, values: string, texts = ""): DayTable {
  const columns = (names: string, of: ColumnSum) =>
    Object.fromEntries(names.split(" ").filter(Boolean).map((column) => [column, of]));
  const sums = { ...columns(instants, "microseconds"), ...columns(values, "value") };
  return { name, hot: `new_${name}`, time: "day", columns: { ...sums, ...columns(texts, "md5") } };
}

const COUNTS = "receipts repeats warmup_receipts";

/** Only in files; what is to be written is in the temporary table `hot`. */
export const SUMMARIES: readonly DayTable[] = [
  summary(
    "message_days",
    "day first_day first_at",
    `message_id type ${COUNTS} heard_again peers settled_after_us is_reached ${
      MESSAGE_DELAYS.join(" ")
    }`,
  ),
  summary("traffic_days", "day first_day", `type peers messages bytes heard ${COUNTS} heard_again`),
  summary(
    "delay_days",
    "day first_day",
    `type messages_seen messages peers ${DELAY_COLUMNS.join(" ")} error_us unknown_errors`,
    "part",
  ),
  summary(
    "peer_days",
    "day first_at last_at",
    `peer_id collector_id ${COUNTS} quarters_am quarters_pm`,
  ),
  summary(
    "pair_days",
    "day",
    "peer_a peer_b type measured_us common only_a only_b us_1s us_5s us_10s us_30s us_60s us_120s us_300s us_600s",
  ),
];

/** The table of a name. @throws {TypeError} when days have none. */
export function dayTable(name: string): DayTable {
  const table = [...DAY_TABLES, ...SUMMARIES].find((table) => table.name === name);
  if (table === undefined) throw new TypeError(`days have no table ${name}`);
  return table;
}

export const PARTIAL = ".partial";

export interface FileName {
  readonly table: string;
  /** `YYYY-MM-DD`. */
  readonly day: string;
  readonly part: number;
}

/** The path of a Parquet file. */
export function parquetPath(folder: string, { table, day, part }: FileName): string {
  const suffix = part === 0 ? "" : `.${part}`;
  return join(folder, table, ...day.split("-"), `${table}_${day}${suffix}.parquet`);
}

/** Whether a file lies where it belongs. Elsewhere it may belong to the archive that this one is a copy of. */
export function isInFolder(folder: string, file: FileName & { readonly path: string }): boolean {
  return file.path === parquetPath(folder, file);
}

/** The path of the manifest of a Parquet file. */
export function manifestPath(parquet: string): string {
  return parquet.replace(/\.parquet$/, ".json");
}
