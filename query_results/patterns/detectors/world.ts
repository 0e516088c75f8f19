// What all detectors look at: the window's live messages by origin, its peers, and how to name and find them.

import type { DuckDBConnection } from "@duckdb/node-api";
import { scidText } from "../../../shared/bolt/scid.ts";
import type { Window } from "../../catalog/parameters.ts";
import { readTable } from "../../archive/read_table.ts";
import { readIntegers } from "../../archive/read_columns.ts";
import type { Summaries } from "../../archive/summaries.ts";
import type { Cell } from "../../format/table.ts";
import { anySql, messagesSql, peersSql, receiptsSql, type Subject } from "./finding.ts";
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
  /** The node that speaks, where it is known. */
  readonly owner: string | null;
}

export interface Peer {
  /** In the archive. */
  readonly id: number;
  readonly node: string;
  readonly address: string;
  /** As hex. */
  readonly features: string;
}

/** A session past its warm-up. */
export interface Span {
  readonly peer: number;
  readonly settledMs: number;
  readonly toMs: number;
}

/** Peers and origins are numbered from 0; the busiest origin comes first. */
export interface World {
  readonly window: Window;
  readonly lengthMs: number;
  readonly origins: readonly Origin[];
  readonly peers: readonly Peer[];
  readonly spans: readonly Span[];
  readonly collectors: ReadonlyMap<number, string>;
  /** Those with sessions in the window. */
  readonly activeCollectors: number;
  /** First sights of an origin's messages, ascending, ms since the window's start. */
  timesOf(origin: number): Int32Array;
  /** Columns peer, bin of {@link BIN_MS}, receipts; a peer of several collectors has several rows. */
  readonly series: readonly Int32Array[];
  /** Receipts of peers in bins of {@link BIN_MS}. */
  receiptsOf(peers: readonly number[]): number[];
  rows(sql: string): Promise<readonly (readonly Cell[])[]>;
  integers(sql: string, columns: number): Promise<Int32Array[]>;
  toUs(ms: number): number;
}

/** Prepares the detectors' tables. Needs the queries' definitions on `connection`. @param summaries to read live messages from. */
export async function readWorld(
  connection: DuckDBConnection,
  wanted: Window,
  summaries?: Summaries,
): Promise<World> {
  const window = { from: Math.max(wanted.from, wanted.to - LONGEST_US), to: wanted.to };
  await summaries?.use(window);
  const lengthMs = (window.to - window.from) / 1000;
  const here = (sql: string) =>
    sql.replaceAll("$window_from", `make_timestamptz(${window.from})`)
      .replaceAll("$window_to", `make_timestamptz(${window.to})`);
  for (const statement of here(prepare).split(/;\s*$/m)) {
    if (/^\s*[^-\s]/m.test(statement)) await connection.run(statement);
  }
  const rows = async (sql: string) => (await readTable(connection, here(sql), window)).rows;
  const integers = (sql: string, columns: number) => readIntegers(connection, here(sql), columns);
  const origins = await rows(
    "SELECT type, scid, node_id, owner FROM pattern_origins ORDER BY origin",
  );
  const peers = await rows(
    "SELECT peer_id, node_id, address, features FROM pattern_peers ORDER BY peer",
  );
  const collectors = await rows("SELECT collector_id, name FROM collectors");
  const [peer, settledMs, toMs, heldBy] = await integers(
    "SELECT peer, settled_ms, to_ms, collector_id FROM pattern_spans",
    4,
  );
  const [origin, firstMs] = await integers(
    "SELECT origin, first_ms FROM pattern_events ORDER BY origin, first_ms",
    2,
  );
  const series = await integers("SELECT peer, bin, receipts FROM pattern_series", 3);
  const starts = startsOf(origin, origins.length);
  return {
    window,
    lengthMs,
    origins: origins.map(([type, scid, node, owner]): Origin => ({
      type: Number(type) as Origin["type"],
      name: originName(scid, node),
      where: originWhere(type, scid, node),
      owner: owner === null ? null : String(owner),
    })),
    peers: peers.map(([id, ...texts]): Peer => {
      const [node, address, features] = texts.map(String);
      return { id: Number(id), node, address, features };
    }),
    spans: Array.from(peer, (peer, i) => ({ peer, settledMs: settledMs[i], toMs: toMs[i] })),
    collectors: new Map(collectors.map(([id, name]) => [Number(id), String(name)])),
    activeCollectors: new Set(heldBy).size,
    timesOf: (origin) => firstMs.subarray(starts[origin], starts[origin + 1]),
    series,
    receiptsOf: (peers) => {
      const [who, bin, receipts] = series;
      const bars = new Array<number>(Math.ceil(lengthMs / BIN_MS)).fill(0);
      const isOwn = new Set(peers);
      who.forEach((peer, i) => isOwn.has(peer) && (bars[bin[i]] += receipts[i]));
      return bars;
    },
    rows,
    integers,
    toUs: (ms) => window.from + ms * 1000,
  };
}

/** `channel 863846x913x104` or `node 02ab…`. */
export function originName(scid: Cell, node: Cell): string {
  return scid === null ? `node ${node}` : `channel ${scidText(BigInt.asUintN(64, BigInt(scid)))}`;
}

/** A condition on `m`, the messages of a channel or node. */
export function originWhere(type: Cell, scid: Cell, node: Cell): string {
  return `m.type = ${type} AND ${scid === null ? `m.node_id = '${node}'` : `m.scid = ${scid}`}`;
}

/** Where each of `count` keys begins in an ascending column, and the end. */
export function startsOf(keys: Int32Array, count: number): Int32Array {
  const starts = new Int32Array(count + 1);
  for (const key of keys) starts[key + 1]++;
  for (let i = 0; i < count; i++) starts[i + 1] += starts[i];
  return starts;
}

/** Bars of a small chart of single messages. */
const BARS = 72;

/** How many of these instants fell into each part of the window. */
export function barsOf({ lengthMs }: World, times: Iterable<number>): number[] {
  const bars = new Array<number>(BARS).fill(0);
  for (const ms of times) bars[Math.min(BARS - 1, Math.max(0, Math.floor(ms / lengthMs * BARS)))]++;
  return bars;
}

/** Channels or nodes and their messages, named after the first unless otherwise. */
export function originSubject(world: World, origins: readonly number[], name?: string): Subject {
  const where = anySql(origins.map((origin) => `(${world.origins[origin].where})`));
  return {
    name: name ?? world.origins[origins[0]].name,
    evidence: (fromUs, untilUs) => messagesSql(where, fromUs, untilUs),
    bars: barsOf(world, origins.flatMap((origin) => [...world.timesOf(origin)])),
    origins,
  };
}

/** A peer, or several that are named after the first, and what they deliver, maybe to one collector. */
export function peerSubject(world: World, peers: readonly number[], collector?: number): Subject {
  const ids = peersSql(peers.map((peer) => world.peers[peer].id));
  const where = collector === undefined ? ids : `${ids} AND r.collector_id = ${collector}`;
  return {
    name: `${peers.length === 1 ? "peer" : "peers like"} ${world.peers[peers[0]].node}`,
    evidence: (fromUs, untilUs) => receiptsSql(where, fromUs, untilUs),
    bars: world.receiptsOf(peers),
    peers,
    collector: collector === undefined ? undefined : world.collectors.get(collector),
  };
}
