// Days in the JSON of `/status`.

import type { Row } from "../store/database.ts";
import type { DaysProgress } from "./days.ts";
import type { RolloverLine } from "./rollover.ts";
import { DAY_US, isoTime, isoTimeOrNull } from "../../shared/time.ts";

/** Files and lines listed; counts cover all. */
const MAX_LISTED = 100;

export interface DayFilesStatus {
  readonly table: string;
  readonly state: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  readonly first_day: string;
  readonly last_day: string;
}

export interface PathsStatus {
  readonly count: number;
  readonly paths: readonly string[];
}

export interface DaysStatus {
  /** The folder of the files, absolute. */
  readonly folder: string;
  readonly running: boolean;
  /** Null before the first since the start. */
  readonly last_rollover: string | null;
  readonly failure: { readonly reason: string; readonly since: string } | null;
  readonly missing: PathsStatus;
  readonly damaged: PathsStatus;
  /** What a pass would drop now with `days.apply: true`. */
  readonly would_drop: { readonly files: number; readonly rows: number };
  readonly kept: readonly RolloverLine[];
  readonly files: readonly DayFilesStatus[];
}

export interface DaysSource {
  readonly folder: string;
  progress(): DaysProgress;
}

/** Collects the status. @throws {Error} while the archive cannot be read. */
export async function daysStatus(
  days: DaysSource,
  store: { read(sql: string): Promise<Row[]> },
): Promise<DaysStatus> {
  const { isRunning, lastAt, lines, failure, due, unreadable } = days.progress();
  const files = await store.read(
    `SELECT table_name, state, count(*) AS files, sum(row_count) AS row_count, sum(bytes) AS bytes,
      CAST(min(day) AS TEXT) AS first_day, CAST(max(day) AS TEXT) AS last_day
    FROM day_files GROUP BY table_name, state ORDER BY table_name DESC, state DESC`,
  );
  const isDue = (state: string, before: number | null) =>
    before === null ? "false" : `state = '${state}' AND epoch_us(day) + ${DAY_US} <= ${before}`;
  const [wouldDrop] = await store.read(
    `SELECT count(*) AS files, coalesce(sum(row_count), 0) AS row_count FROM day_files
    WHERE ${isDue("copied", due.dropHotBefore)}
      OR (table_name = 'receipts' AND ${isDue("cold", due.dropFilesBefore)})`,
  );
  return {
    folder: days.folder,
    running: isRunning,
    last_rollover: isoTimeOrNull(lastAt),
    failure: failure && { reason: failure.reason, since: isoTime(failure.at) },
    missing: pathsStatus(unreadable.missing),
    damaged: pathsStatus(unreadable.damaged),
    would_drop: { files: Number(wouldDrop.files), rows: Number(wouldDrop.row_count) },
    kept: lines.filter(({ action }) => action === "kept").slice(0, MAX_LISTED),
    files: files.map((row) => ({
      table: String(row.table_name),
      state: String(row.state),
      files: Number(row.files),
      rows: Number(row.row_count),
      bytes: Number(row.bytes),
      first_day: String(row.first_day),
      last_day: String(row.last_day),
    })),
  };
}

function pathsStatus(paths: readonly string[]): PathsStatus {
  return { count: paths.length, paths: paths.slice(0, MAX_LISTED) };
}
