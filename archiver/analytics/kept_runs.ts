// What the archive knows of earlier runs.

import { type DuckDBType, type DuckDBValue, TIMESTAMPTZ, VARCHAR } from "@duckdb/node-api";
import type { Window } from "../../query_results/catalog/parameters.ts";
import { instant } from "../store/rows.ts";
import type { Row } from "../store/store.ts";
import type { FinishedRun } from "./results.ts";
import type { ReportRun } from "./folders.ts";
import { type KnownWindows, windowKey } from "./schedule.ts";
import { windowName } from "./window_name.ts";

/** Where it is read from: what is committed. */
export interface RunReader {
  /** See `Store.read`. */
  read(sql: string, values?: DuckDBValue[], types?: DuckDBType[]): Promise<Row[]>;
}

/** What is known of a set's windows. */
export async function readKnownWindows(store: RunReader, set: string): Promise<KnownWindows> {
  const runs = await store.read(
    `SELECT epoch_us(window_from) AS window_from, epoch_us(window_to) AS window_to, outcome
    FROM analytics_runs WHERE set_name = $1`,
    [set],
    [VARCHAR],
  );
  const windows = runs.map(({ window_from, window_to, outcome }) => ({
    from: Number(window_from),
    to: Number(window_to),
    outcome,
  }));
  const [{ first }] = await store.read("SELECT epoch_us(min(started_at)) AS first FROM epochs");
  return {
    done: new Set(windows.filter(({ outcome }) => outcome === "done").map(windowKey)),
    firstRun: windows.length === 0 ? null : Math.min(...windows.map(({ from }) => from)),
    dataFrom: first === null ? null : Number(first),
  };
}

/** The runs of a set that were done. */
export async function readReportRuns(store: RunReader, set: string): Promise<ReportRun[]> {
  const runs = await store.read(
    `SELECT epoch_us(window_from) AS window_from, epoch_us(window_to) AS window_to,
      epoch_us(finished_at) AS finished_at
    FROM analytics_runs WHERE set_name = $1 AND outcome = 'done'`,
    [set],
    [VARCHAR],
  );
  return runs.map(({ window_from, window_to, finished_at }) => ({
    name: windowName({ from: Number(window_from), to: Number(window_to) }),
    finishedAt: Number(finished_at),
  }));
}

/** The run of a set that ended last; null when there was none. */
export async function readLastRun(store: RunReader, set: string): Promise<FinishedRun | null> {
  const [row] = await store.read(
    `SELECT epoch_us(window_from) AS window_from, epoch_us(window_to) AS window_to,
      epoch_us(started_at) AS started_at, epoch_us(finished_at) AS finished_at,
      outcome, error, folder, settings
    FROM analytics_runs WHERE set_name = $1 ORDER BY finished_at DESC, run_id DESC LIMIT 1`,
    [set],
    [VARCHAR],
  );
  if (row === undefined) return null;
  return {
    set,
    window: { from: Number(row.window_from), to: Number(row.window_to) },
    settings: JSON.parse(String(row.settings)),
    startedAt: Number(row.started_at),
    finishedAt: Number(row.finished_at),
    end: row.outcome === "done"
      ? { outcome: "done", folder: String(row.folder) }
      : { outcome: "failed", error: String(row.error) },
  };
}

/** A collector that delivered within this time may have more. */
const DELIVERING_MICROSECONDS = 60_000_000;

/**
 * Whether receipts of a window still come in: a collector is delivering, and has not come to the window's end.
 *
 * @param now µs since the Unix epoch.
 */
export async function isArriving(store: RunReader, window: Window, now: number): Promise<boolean> {
  const [{ behind }] = await store.read(
    `SELECT count(*) AS behind FROM epochs
    WHERE last_commit_at >= $1 AND COALESCE(last_receipt_at, started_at) < $2`,
    [instant(now - DELIVERING_MICROSECONDS), instant(window.to)],
    [TIMESTAMPTZ, TIMESTAMPTZ],
  );
  return Number(behind) > 0;
}
