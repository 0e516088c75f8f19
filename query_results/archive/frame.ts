/**
 * The frame of a report, what each of its figures rests on: the window, the collectors, how many peers were connected
 * and subscribed, what is known to be missing, and how good the clocks were.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { Window } from "../catalog/parameters.ts";
import { readTable } from "./read_table.ts";
import type { Cell, Table } from "../format/table.ts";

export interface Frame {
  /** From the first receipt to just after the last, or as asked for; both 0 in an empty archive. */
  readonly window: Window;
  /** Names of those with a run that touches the window. */
  readonly collectors: readonly string[];
  /** Distinct ones connected and subscribed at some time in the window. */
  readonly peers: number;
  /** At once. */
  readonly peersMost: number;
  /** Over the window's time. */
  readonly peersMean: number;
  /** Batches that never came. */
  readonly missingBatches: number;
  /** Rows of the gaps table. */
  readonly gaps: number;
  /** Receipts that name a message or session still to come. */
  readonly unresolvedReceipts: number;
  /** Batches that could not be read. */
  readonly deadLetters: number;
  /** Null when all receipts of the window are one collector's. */
  readonly clocks: FrameClocks | null;
}

/** How well the clocks of several collectors are known. */
export interface FrameClocks {
  readonly count: number;
  /** Clocks whose offset was measured within a day of the window. */
  readonly measured: number;
  /** Between the least and the greatest of their median offsets; null when none was measured. */
  readonly apartSeconds: number | null;
  /** The largest of their median uncertainties; null when none was measured. */
  readonly uncertaintySeconds: number | null;
}

/** What part of the archive to look at; an open side is the archive's own end. µs since the Unix epoch. */
export interface WantedWindow {
  readonly from?: number;
  /** Not included. */
  readonly to?: number;
}

const EXTENT = `
SELECT
  coalesce(min(r.received_at), (SELECT min(filter_at) FROM sessions)) AS first,
  coalesce(max(r.received_at), (SELECT max(coalesce(closed_at, filter_at)) FROM sessions)) AS last
FROM receipts r`;

const COLLECTORS = `
SELECT DISTINCT c.name
FROM epochs e JOIN collectors c ON c.collector_id = e.collector_id
WHERE e.started_at < $window_to AND (e.ended_at IS NULL OR e.ended_at >= $window_from)
ORDER BY c.name`;

const PEERS = `
WITH held AS (
  SELECT peers, epoch_us(lead(changed_at, 1, $window_to) OVER (ORDER BY changed_at)) - epoch_us(changed_at) AS us
  FROM peer_steps($window_from, $window_to)
)
SELECT
  (SELECT count(DISTINCT peer_id) FROM session_spans($window_from, $window_to)) AS peers,
  (SELECT coalesce(max(peers), 0) FROM held) AS most,
  (SELECT coalesce(sum(peers * us), 0) / (epoch_us($window_to) - epoch_us($window_from)) FROM held) AS mean`;

const MISSING = `
SELECT
  (SELECT count(*) FROM gaps) AS gaps,
  (SELECT coalesce(sum(last_batch - first_batch + 1), 0) FROM gaps) AS batches,
  (SELECT count(*) FROM unresolved_receipts) AS unresolved,
  (SELECT count(*) FROM dead_letters) AS dead`;

const CLOCKS = `
WITH measured AS (
  SELECT median(offset_us) / 1e6 AS offset_seconds, median(error_us) / 1e6 AS error_seconds
  FROM clock_measurements($window_from, $window_to) GROUP BY collector_id
)
SELECT
  (SELECT count(*) FROM several_clocks($window_from, $window_to)) AS clocks,
  count(*) AS measured,
  max(offset_seconds) - min(offset_seconds) AS apart,
  max(error_seconds) AS uncertainty
FROM measured`;

const EMPTY: Window = { from: 0, to: 0 };

/** Needs the definitions loaded on `connection`. */
export async function readFrame(
  connection: DuckDBConnection,
  wanted: WantedWindow = {},
): Promise<Frame> {
  const [first, last] = await firstRow(connection, EXTENT, EMPTY);
  const window = first === null || last === null ? EMPTY : {
    from: wanted.from ?? Number(first),
    // The window is half open, and the last receipt belongs to it.
    to: wanted.to ?? Number(last) + 1,
  };
  const isEmpty = window.to <= window.from;
  const collectors = isEmpty ? [] : (await readTable(connection, COLLECTORS, window)).rows;
  const [peers, most, mean] = isEmpty ? [0, 0, 0] : await firstRow(connection, PEERS, window);
  const [gaps, batches, unresolved, dead] = await firstRow(connection, MISSING, window);
  return {
    window: isEmpty ? EMPTY : window,
    collectors: collectors.map(([name]) => String(name)),
    peers: Number(peers),
    peersMost: Number(most),
    peersMean: Number(mean),
    missingBatches: Number(batches),
    gaps: Number(gaps),
    unresolvedReceipts: Number(unresolved),
    deadLetters: Number(dead),
    clocks: await readClocks(connection, window),
  };
}

async function readClocks(
  connection: DuckDBConnection,
  window: Window,
): Promise<FrameClocks | null> {
  const [count, measured, apart, uncertainty] = await firstRow(connection, CLOCKS, window);
  if (count === 0) return null;
  return {
    count: Number(count),
    measured: Number(measured),
    apartSeconds: apart === null ? null : Number(apart),
    uncertaintySeconds: uncertainty === null ? null : Number(uncertainty),
  };
}

async function firstRow(
  connection: DuckDBConnection,
  sql: string,
  window: Window,
): Promise<readonly Cell[]> {
  return (await readTable(connection, sql, window)).rows[0];
}

/** The frame's counts as a table of one row, to be kept beside the queries' results. */
export function frameTable(frame: Frame): Table {
  const counts: Record<string, number> = {
    collectors: frame.collectors.length,
    peers: frame.peers,
    peers_most: frame.peersMost,
    peers_mean: frame.peersMean,
    gaps: frame.gaps,
    missing_batches: frame.missingBatches,
    unresolved_receipts: frame.unresolvedReceipts,
    dead_letters: frame.deadLetters,
  };
  return {
    columns: Object.keys(counts).map((name) => ({ name, kind: "number" })),
    rows: [Object.values(counts)],
  };
}
