// Days in the JSON of `/status`.

import type { Row } from "../store/database.ts";
import type { DaysProgress } from "./days.ts";
import { DAY_US, isoTime, isoTimeOrNull } from "../../shared/time.ts";

/** Files and lines listed; counts cover all. */
const MAX_LISTED = 100;

export type DaysStatus = ReturnType<typeof statusOf>;

export interface DaysSource {
  readonly folder: string;
  progress(): DaysProgress;
}

/** Collects the status. @throws {Error} while the archive cannot be read. */
export async function daysStatus(
  days: DaysSource,
  store: { read(sql: string): Promise<Row[]> },
): Promise<DaysStatus> {
  const progress = days.progress();
  const { due } = progress;
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
  return statusOf(days.folder, progress, files, wouldDrop);
}

function statusOf(folder: string, progress: DaysProgress, files: readonly Row[], wouldDrop: Row) {
  const { isRunning, lastAt, lines, failure, unreadable } = progress;
  return {
    /** Absolute. */
    folder,
    running: isRunning,
    /** Null before the first since the start. */
    last_rollover: isoTimeOrNull(lastAt),
    failure: failure && { reason: failure.reason, since: isoTime(failure.at) },
    missing: pathsStatus(unreadable.missing),
    damaged: pathsStatus(unreadable.damaged),
    /** What a pass would drop now with `days.apply: true`. */
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

function pathsStatus(paths: readonly string[]) {
  return { count: paths.length, paths: paths.slice(0, MAX_LISTED) };
}
