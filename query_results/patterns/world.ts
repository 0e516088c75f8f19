/**
 * What all detectors look at: the window's live messages by origin, its peers, and how to name and find them.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { scidText } from "../../shared/bolt/scid.ts";
import type { Window } from "../catalog/parameters.ts";
import { readTable } from "../archive/read_table.ts";
import { readIntegers } from "../archive/read_columns.ts";
import type { Cell } from "../format/table.ts";
import type { Spark } from "./finding.ts";
import prepare from "./prepare.sql" with { type: "text" };

/** A longer window is looked at from this long before its end: times are 32-bit ms, and a week shows what a day hides. */
export const LONGEST_US = 7 * 86_400_000_000;
/** Width of the bins of `pattern_series`. */
export const BIN_MS = 600_000;

export interface Origin {
  readonly type: 257 | 258;
  /** `channel 863846x913x104` or `node 02ab…`. */
  readonly name: string;
  /** A condition on `m`, its messages. */
  readonly where: string;
  readonly messages: number;
  /** The node that speaks, where it is known. */
  readonly owner: string | null;
}

export interface Peer {
  /** In the archive. */
  readonly id: number;
  readonly node: string;
  readonly address: string;
}

export interface Span {
  readonly peer: number;
  readonly collector: number;
  /** Past its warm-up. */
  readonly settledMs: number;
  readonly toMs: number;
}

/** Peers and origins are numbered from 0; the busiest origin comes first. */
export interface World {
  readonly connection: DuckDBConnection;
  readonly window: Window;
  readonly lengthMs: number;
  readonly origins: readonly Origin[];
  readonly peers: readonly Peer[];
  readonly spans: readonly Span[];
  readonly collectors: ReadonlyMap<number, string>;
  /** First sights of an origin's messages, ascending, ms since the window's start. */
  timesOf(origin: number): Int32Array;
  rows(sql: string): Promise<readonly (readonly Cell[])[]>;
  integers(sql: string, columns: number): Promise<Int32Array[]>;
  toUs(ms: number): number;
}

/** Prepares the detectors' tables. Needs the queries' definitions on `connection`. */
export async function readWorld(connection: DuckDBConnection, wanted: Window): Promise<World> {
  const window = { from: Math.max(wanted.from, wanted.to - LONGEST_US), to: wanted.to };
  for (const statement of inWindow(prepare, window).split(/;\s*$/m)) {
    if (/^\s*[^-\s]/m.test(statement)) await connection.run(statement);
  }
  const rows = async (sql: string) =>
    (await readTable(connection, inWindow(sql, window), window)).rows;
  const integers = (sql: string, columns: number) =>
    readIntegers(connection, inWindow(sql, window), columns);
  const origins = (await rows(
    "SELECT type, scid, node_id, messages, owner FROM pattern_origins ORDER BY origin",
  )).map(([type, scid, node, messages, owner]): Origin => ({
    type: Number(type) as Origin["type"],
    name: scid === null ? `node ${node}` : `channel ${scidText(BigInt.asUintN(64, BigInt(scid)))}`,
    where: scid === null
      ? `m.type = 257 AND m.node_id = '${node}'`
      : `m.type = 258 AND m.scid = ${scid}`,
    messages: Number(messages),
    owner: owner === null ? null : String(owner),
  }));
  const peers = (await rows("SELECT peer_id, node_id, address FROM pattern_peers ORDER BY peer"))
    .map(([id, node, address]) => ({
      id: Number(id),
      node: String(node),
      address: String(address),
    }));
  const [peer, collector, from, to] = await integers(
    "SELECT peer, collector_id, settled_ms, to_ms FROM pattern_spans",
    4,
  );
  const collectors = (await rows("SELECT collector_id, name FROM collectors"))
    .map(([id, name]) => [Number(id), String(name)] as const);
  const [origin, firstMs] = await integers(
    "SELECT origin, first_ms FROM pattern_events ORDER BY origin, first_ms",
    2,
  );
  const starts = startsOf(origin, origins.length);
  return {
    connection,
    window,
    lengthMs: (window.to - window.from) / 1000,
    origins,
    peers,
    spans: Array.from(
      peer,
      (peer, i) => ({ peer, collector: collector[i], settledMs: from[i], toMs: to[i] }),
    ),
    collectors: new Map(collectors),
    timesOf: (origin) => firstMs.subarray(starts[origin], starts[origin + 1]),
    rows,
    integers,
    toUs: (ms) => window.from + ms * 1000,
  };
}

function inWindow(sql: string, { from, to }: Window): string {
  return sql.replaceAll("$window_from", `make_timestamptz(${from})`)
    .replaceAll("$window_to", `make_timestamptz(${to})`);
}

/** Where each of `count` keys begins in an ascending column, and the end. */
export function startsOf(keys: Int32Array, count: number): Int32Array {
  const starts = new Int32Array(count + 1);
  for (const key of keys) starts[key + 1]++;
  for (let i = 0; i < count; i++) starts[i + 1] += starts[i];
  return starts;
}

/** Bars of a small chart. */
const SPARK_BARS = 72;

/** How many events fell into each part of the window, and which parts a span covers. */
export function sparkOf(
  world: World,
  times: ArrayLike<number>,
  fromMs: number,
  untilMs: number,
  label: string,
): Spark {
  const values = new Array<number>(SPARK_BARS).fill(0);
  const bar = (ms: number) =>
    Math.min(SPARK_BARS - 1, Math.max(0, Math.floor(ms / world.lengthMs * SPARK_BARS)));
  for (let i = 0; i < times.length; i++) values[bar(times[i])]++;
  return { values, from: bar(fromMs), to: bar(untilMs) + 1, label };
}
