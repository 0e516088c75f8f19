/**
 * The delays of a window's messages (`message_delays` of the catalogue) into a table, piece by piece: while a piece is
 * worked on, every delay in it is held in memory, outside of DuckDB's limit.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { Window } from "../catalog/parameters.ts";
import { valuesOf } from "./database.ts";
import { at } from "./sql.ts";

/** Receipts of a piece by default: 8 bytes each, and as much again. */
const MOST_RECEIPTS = 2 ** 25;
/** Messages are first seen this much earlier or later by another collector's clock. */
const CLOCKS_US = 1_000_000;

/** What `message_delays` is asked for. */
export interface DelayOptions {
  readonly reachShare: number;
  /** The longest delay that counts. */
  readonly capSeconds: number;
  readonly includeWarmup: boolean;
  /** Receipts of a piece, unless it is as short as the longest delay. */
  readonly mostReceipts?: number;
  /** Ends it between two pieces. */
  readonly signal?: AbortSignal;
}

/**
 * Finds the delays of the messages that are first seen in `first`, by what came before `until`, into a new temporary table.
 * The macros of the catalogue should be there; times are µs since the Unix epoch.
 */
export async function findDelays(
  connection: DuckDBConnection,
  table: string,
  first: Window,
  until: number,
  options: DelayOptions,
): Promise<void> {
  const { reachShare, capSeconds, includeWarmup, mostReceipts = MOST_RECEIPTS } = options;
  const longest = Math.ceil(capSeconds * 1e6) + CLOCKS_US;
  const asked = `CAST(${reachShare} AS DOUBLE), CAST(${capSeconds} AS DOUBLE), ${includeWarmup}`;
  const delays = ({ from, to }: Window) =>
    `FROM message_delays(${at(from)}, ${at(Math.min(to + longest, until))}, ${asked})`;
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${table} AS ${delays(first)} LIMIT 0`);
  for (const piece of await halved(connection, first, mostReceipts, longest)) {
    options.signal?.throwIfAborted();
    await connection.run(
      isFirstSeen(`first_seen >= ${at(piece.from)} AND first_seen < ${at(piece.to)}`),
    );
    await connection.run(`INSERT INTO ${table} ${delays(piece)}`);
  }
  await connection.run(isFirstSeen("true"));
}

/** Has the catalogue's macros read the delays in `table`; null: find them when asked. */
export async function readDelays(
  connection: DuckDBConnection,
  table: string | null,
): Promise<void> {
  const asked = "(window_from, window_to, reach_share, cap_seconds, include_warmup)";
  const delays = table ?? `message_delays${asked}`;
  await connection.run(
    `CREATE OR REPLACE TEMP MACRO known_delays${asked} AS TABLE (FROM ${delays})`,
  );
}

function isFirstSeen(condition: string): string {
  return `CREATE OR REPLACE TEMP MACRO in_piece(first_seen) AS ${condition}`;
}

/** The parts of a window that have receipts: of at most `most` each, or of a length below twice `least`; in order. */
async function halved(
  connection: DuckDBConnection,
  { from, to }: Window,
  most: number,
  least: number,
): Promise<Window[]> {
  const [[receipts]] = await valuesOf(
    connection,
    `SELECT count(*) FROM rest_receipts WHERE received_at >= ${at(from)} AND received_at < ${
      at(to)
    }`,
  );
  if (Number(receipts) === 0) return [];
  if (Number(receipts) <= most || to - from < 2 * least) return [{ from, to }];
  const middle = Math.floor((from + to) / 2);
  return [
    ...await halved(connection, { from, to: middle }, most, least),
    ...await halved(connection, { from: middle, to }, most, least),
  ];
}
