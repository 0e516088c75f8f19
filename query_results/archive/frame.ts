// The frame of a report, what each of its figures rests on: the window, the collectors, how many peers were connected
// and subscribed, what is known to be missing, and how good the clocks were.

import type { DuckDBConnection } from "@duckdb/node-api";
import type { Window } from "../catalog/parameters.ts";
import { readTable } from "./read_table.ts";
import type { Summaries } from "./summaries.ts";
import type { Cell, Table } from "../format/table.ts";

export interface Frame {
  /** From the first receipt to the last thing known, or as asked for; both 0 in an empty archive. */
  readonly window: Window;
  /** Names of those with a run that touches the window. */
  readonly collectors: readonly string[];
  /** What other nodes' logs show is left out. */
  readonly ownOnly?: boolean;
  /** Logs of other nodes that were read: name and kind, and how late their times may be. */
  readonly secondHand?: readonly { name: string; kind: string; lateSeconds: number }[];
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
  /** Of messages past all quotas of a collector: no figure of delay or reach counts them. */
  readonly foldedReceipts: number;
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
  foldedReceipts: 0,
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

/** Needs the definitions loaded on `connection`. @param summaries to be read in place of finished days' receipts. */
export async function readFrame(
  connection: DuckDBConnection,
  wanted: WantedWindow = {},
  summaries: Summaries | null = null,
): Promise<Frame> {
  await summaries?.use({ from: -Infinity, to: Infinity });
  const { first, last } = await firstRow(connection, "frame_extent()", EMPTY_FRAME.window);
  const window = first === null || last === null ? EMPTY_FRAME.window : {
    from: wanted.from ?? Number(first),
    // The window is half open, and the last instant belongs to it.
    to: wanted.to ?? Number(last) + 1,
  };
  await summaries?.use(window);
  const whole = await firstRow(connection, "frame_archive()", window);
  if (window.to <= window.from) return { ...EMPTY_FRAME, ...whole };
  const parts = [
    await firstRow(connection, "frame_peers($window_from, $window_to)", window),
    await firstRow(connection, "frame_receipts($window_from, $window_to)", window),
    await firstRow(connection, "frame_stalls($window_from, $window_to)", window),
  ];
  const rows = async (macro: string) =>
    (await readTable(connection, `FROM ${macro}($window_from, $window_to)`, window)).rows;
  const collectors = await rows("frame_collectors");
  const secondHand = await rows("frame_sources");
  const clocks = await firstRow(connection, "frame_clocks($window_from, $window_to)", window);
  return {
    ...Object.assign({}, EMPTY_FRAME, whole, ...parts),
    window,
    collectors: collectors.map(([name]) => String(name)),
    secondHand: secondHand.map(([name, kind, late]) => ({
      name: String(name),
      kind: String(kind),
      lateSeconds: Number(late),
    })),
    clocks: clocks.count === 0 ? null : clocks as unknown as FrameClocks,
  };
}

/** The first row of a macro of definitions.sql, by column; these are named as {@link Frame} has them. */
async function firstRow(
  connection: DuckDBConnection,
  macro: string,
  window: Window,
): Promise<Record<string, Cell>> {
  const { columns, rows: [row] } = await readTable(connection, `FROM ${macro}`, window);
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
