// What a run comes to: one row of figures.

import { columnValues, type Table, tableOf } from "../../format/table.ts";
import { REACH_SHARES } from "./measures.ts";
import type { FinishedRun } from "./run.ts";

const DAY_MS = 86_400_000;
/** How many peers count as first. */
const FIRST_PLACES = 20;

/** The columns of the results, in the order of `outcomeRow`. */
const COLUMNS = [
  "protocol:text value:text nodes:integer links:integer messages:integer",
  ...REACH_SHARES.map((share) => `seconds_to_${100 * share} share_reaching_${100 * share}`),
  ...["message", "sketch", "id", "fallback", "all"].map((kind) => `${kind}_bytes_per_node_day`),
  "repeats_per_new_message stale:integer rounds:integer differences_per_round failed_share fallback_share",
  "distrusted_links:integer distrusted_honest_links:integer cpu_seconds_per_node_day",
  "peers_with_half_of_first_20:integer origin_first_share origin_rank coalesced:integer decoded:integer",
  "decoded_agree:integer",
].join(" ");

/** One row per run. */
export function outcomes(runs: readonly FinishedRun[]): Table {
  return tableOf(COLUMNS, runs.map(outcomeRow));
}

/** The numbers of one column; null where a run has none. */
export function figures(table: Table, name: string): (number | null)[] {
  return columnValues(table, name) as (number | null)[];
}

function outcomeRow({ plan, simulation, durationMs, fromMs, untilMs }: FinishedRun) {
  const { measures, traffic, nodes, graph } = simulation;
  const measured: number[] = [];
  for (let message = 0; message < traffic.count; message++) {
    const born = traffic.bornMs[message];
    if (born >= fromMs && born < untilMs && measures.reach[message] > 0) measured.push(message);
  }
  const observed = graph.first[graph.nodes] - graph.first[nodes];
  const reach = measures.reachedMs.flatMap((times) => {
    const reached = measured.map((message) => times[message]).filter((ms) => ms >= 0);
    return [seconds(median(reached)), rounded(reached.length / measured.length)];
  });
  const perNodeDay = (total: number) => total / nodes * DAY_MS / durationMs;
  const bytes = [
    measures.messageBytes,
    measures.sketchBytes,
    measures.idBytes,
    measures.fallbackBytes,
  ];
  const all = bytes.reduce((sum, kind) => sum + kind, 0);
  const learned = measures.reach.reduce((sum, count) => sum + count, 0);
  const { check } = simulation;
  const ofRounds = (count: number) =>
    measures.rounds === 0 ? null : rounded(count / measures.rounds);
  return [
    plan.label,
    plan.value === null ? null : String(plan.value),
    nodes,
    graph.source.length / 2 - observed,
    measured.length,
    ...reach,
    ...[...bytes, all].map((kind) => Math.round(perNodeDay(kind))),
    rounded(measures.repeats / learned),
    measures.stale,
    measures.rounds,
    ofRounds(measures.differences),
    ofRounds(measures.failedRounds),
    ofRounds(measures.fallbacks),
    measures.distrusted,
    measures.wronglyDistrusted,
    rounded(perNodeDay(measures.cpuMs / 1000)),
    ...firstPeers(simulation, new Set(measured)),
    traffic.coalesced,
    check?.checked ?? null,
    check?.agreed ?? null,
  ];
}

/** How concentrated first places are, how often the first peer is the origin, its median rank where it is a peer. */
function firstPeers(
  { measures, traffic }: FinishedRun["simulation"],
  measured: ReadonlySet<number>,
) {
  const [message, peer] = Object.values(measures.receipts).map(({ held }) => held);
  const received = new Int32Array(traffic.count);
  const places = new Map<number, number>();
  const ranks: number[] = [];
  let firsts = 0, seen = 0, placed = 0;
  for (let i = 0; i < message.length; i++) {
    const id = message[i];
    if (!measured.has(id)) continue;
    const rank = ++received[id];
    if (rank === 1) seen++;
    if (rank <= FIRST_PLACES) {
      places.set(peer[i], (places.get(peer[i]) ?? 0) + 1);
      placed++;
    }
    if (peer[i] !== traffic.origin[id]) continue;
    ranks.push(rank);
    if (rank === 1) firsts++;
  }
  if (seen === 0) return [null, null, null];
  let half = placed / 2, peers = 0;
  for (const count of [...places.values()].sort((a, b) => b - a)) {
    if (half <= 0) break;
    half -= count;
    peers++;
  }
  return [peers, rounded(firsts / seen), median(ranks)];
}

function median(values: number[]): number | null {
  return values.length === 0 ? null : values.sort((a, b) => a - b)[values.length >> 1];
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000;
}

/** To four places: less than that is noise. */
function rounded(value: number): number | null {
  return Number.isFinite(value) ? Math.round(1e4 * value) / 1e4 : null;
}
