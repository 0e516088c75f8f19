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
  /** From the first receipt to the last thing known, or as asked for; both 0 in an empty archive. */
  readonly window: Window;
  /** Names of those with a run that touches the window. */
  readonly collectors: readonly string[];
  /** Distinct ones connected and subscribed at some time in the window. */
  readonly peers: number;
  /** At once. */
  readonly peersMost: number;
  /** Over the window's time. */
  readonly peersMean: number;
  /** Of the peers' connected time, what lies in a session's first ten minutes; 0 to 1. */
  readonly youngShare: number;
  readonly receipts: number;
  readonly warmupReceipts: number;
  /** Batches that never came. */
  readonly missingBatches: number;
  /** Rows of the gaps table. */
  readonly gaps: number;
  /** Receipts that name a message or session still to come. */
  readonly unresolvedReceipts: number;
  /** Batches that could not be read. */
  readonly deadLetters: number;
  /** Spans in which a collector was held up, and their length together. */
  readonly stalls: number;
  readonly stalledSeconds: number;
  /** Collectors whose clock was wrong and all their times were moved, and the most that one was moved by. */
  readonly movedClocks: number;
  readonly movedSeconds: number;
  /** Of these, clocks that were set back between two runs: their receipts cannot be put right. */
  readonly tornClocks: number;
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
  /** Of a delay between collectors, as delays use it: mean over the messages that several heard; null when unknown. */
  readonly uncertaintySeconds: number | null;
}

/** What part of the archive to look at; an open side is the archive's own end. µs since the Unix epoch. */
export interface WantedWindow {
  readonly from?: number;
  /** Not included. */
  readonly to?: number;
}

const EXTENT = `
WITH known AS (
  SELECT max(greatest(filter_at, closed_at, counted_at)) AS known_at FROM sessions
  UNION ALL SELECT max(greatest(started_at, ended_at)) FROM epochs
  UNION ALL SELECT max(sampled_at) FROM clock_samples
  UNION ALL SELECT max(to_at) FROM stalls
  UNION ALL SELECT max(to_at) FROM dial_outcomes
)
SELECT
  coalesce(min(r.received_at), (SELECT min(filter_at) FROM sessions)) AS first,
  greatest(max(r.received_at), (SELECT max(known_at) FROM known)) AS last
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
  (SELECT coalesce(max(peers), 0) FROM held) AS "peersMost",
  (SELECT coalesce(sum(peers * us), 0) / (epoch_us($window_to) - epoch_us($window_from)) FROM held) AS "peersMean"`;

const RECEIPTS = `
WITH spans AS (
  SELECT epoch_us(span.to_at) - epoch_us(span.from_at) AS us,
    greatest(epoch_us(least(span.to_at, s.filter_at + INTERVAL 10 MINUTE)) - epoch_us(span.from_at), 0) AS young_us
  FROM session_spans($window_from, $window_to) span JOIN sessions s ON s.session_id = span.session_id
)
SELECT count(*) AS receipts, count(*) FILTER (is_warmup) AS "warmupReceipts",
  (SELECT coalesce(sum(young_us) / nullif(sum(us), 0), 0) FROM spans) AS "youngShare"
FROM receipts WHERE received_at >= $window_from AND received_at < $window_to`;

const STALLS = `
SELECT count(*) AS stalls, coalesce(sum(epoch_us(least(to_at, $window_to))
  - epoch_us(greatest(from_at, $window_from))) / 1e6, 0) AS "stalledSeconds"
FROM stalls WHERE from_at < $window_to AND to_at >= $window_from`;

/** Of the archive as a whole. */
const WHOLE = `
SELECT
  (SELECT count(*) FROM gaps) AS gaps,
  (SELECT CAST(coalesce(sum(last_batch - first_batch + 1), 0) AS BIGINT) FROM gaps) AS "missingBatches",
  (SELECT count(*) FROM unresolved_receipts) AS "unresolvedReceipts",
  (SELECT count(*) FROM dead_letters) AS "deadLetters",
  count(DISTINCT collector_id) AS "movedClocks",
  coalesce(max(abs(shift_us)) / 1e6, 0) AS "movedSeconds",
  count(DISTINCT collector_id) FILTER (is_torn) AS "tornClocks"
FROM clock_shifts`;

const CLOCKS = `
WITH measured AS (
  SELECT median(m.offset_us + coalesce(s.shift_us, 0)) / 1e6 AS offset_seconds
  FROM clock_measurements($window_from, $window_to) m LEFT JOIN clock_shifts s ON s.epoch_id = m.epoch_id
  GROUP BY m.collector_id
), errors AS (
  SELECT count(*) AS messages, count(error_us) AS known, avg(error_us) / 1e6 AS seconds
  FROM sightings($window_from, $window_to, false) WHERE collectors > 1
)
SELECT
  (SELECT count(*) FROM several_clocks($window_from, $window_to)) AS count,
  count(*) AS measured,
  max(offset_seconds) - min(offset_seconds) AS "apartSeconds",
  (SELECT CASE WHEN known = messages THEN seconds END FROM errors) AS "uncertaintySeconds"
FROM measured`;

/** The frame of an archive without receipts and sessions. */
export const EMPTY_FRAME: Frame = {
  window: { from: 0, to: 0 },
  collectors: [],
  peers: 0,
  peersMost: 0,
  peersMean: 0,
  youngShare: 0,
  receipts: 0,
  warmupReceipts: 0,
  missingBatches: 0,
  gaps: 0,
  unresolvedReceipts: 0,
  deadLetters: 0,
  stalls: 0,
  stalledSeconds: 0,
  movedClocks: 0,
  movedSeconds: 0,
  tornClocks: 0,
  clocks: null,
};

/** Needs the definitions loaded on `connection`. */
export async function readFrame(
  connection: DuckDBConnection,
  wanted: WantedWindow = {},
): Promise<Frame> {
  const { first, last } = await firstRow(connection, EXTENT, EMPTY_FRAME.window);
  const window = first === null || last === null ? EMPTY_FRAME.window : {
    from: wanted.from ?? Number(first),
    // The window is half open, and the last instant belongs to it.
    to: wanted.to ?? Number(last) + 1,
  };
  const whole = await firstRow(connection, WHOLE, window);
  if (window.to <= window.from) return { ...EMPTY_FRAME, ...whole };
  const parts = [
    await firstRow(connection, PEERS, window),
    await firstRow(connection, RECEIPTS, window),
    await firstRow(connection, STALLS, window),
  ];
  const { rows: collectors } = await readTable(connection, COLLECTORS, window);
  const clocks = await firstRow(connection, CLOCKS, window);
  return {
    ...Object.assign({}, EMPTY_FRAME, whole, ...parts),
    window,
    collectors: collectors.map(([name]) => String(name)),
    clocks: clocks.count === 0 ? null : clocks as unknown as FrameClocks,
  };
}

/** The first row by column; the queries above name columns as {@link Frame} does. */
async function firstRow(
  connection: DuckDBConnection,
  sql: string,
  window: Window,
): Promise<Record<string, Cell>> {
  const { columns, rows: [row] } = await readTable(connection, sql, window);
  return Object.fromEntries(columns.map(({ name }, i) => [name, row[i]]));
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
    stalled_seconds: frame.stalledSeconds,
  };
  return {
    columns: Object.keys(counts).map((name) => ({ name, kind: "number" })),
    rows: [Object.values(counts)],
  };
}
