// One row per collector, the one that needs a look first.

import { alignedText } from "../../query_results/format/table.ts";
import { mebibytes, printable } from "../../shared/text.ts";
import { DAY_US } from "../../shared/time.ts";
import type { CollectorStatus, Status } from "../status/status.ts";
import type { FleetWish } from "./wishes.ts";

const WRONG_CLOCK_SECONDS = 1;
const UNMEASURED_MS = 900_000;
const LAG_SECONDS = 300;
const FEW_PEERS = 0.5;
/** A wish that is younger may be on its way. */
const FOLLOWED_MS = 30_000;
/** Older losses are in the table, and no problem any more. */
const REPORTED_MS = DAY_US / 1000;
/** Of what a collector says of itself. */
const MAX_TEXT = 400;

/** A collector of the fleet, in `--json`; null: not known. */
export type FleetRow = ReturnType<typeof rowOf> & {
  /** Worst first; empty when all is well. */
  readonly problems: readonly string[];
};

type Known = Partial<CollectorStatus> & Pick<CollectorStatus, "name" | "late" | "heartbeat">;

/** One row per collector, worst first. @param wishes null: not known. @param now ms since the Unix epoch. */
export function fleetRows(
  { collectors, new_collectors }: Pick<Status, "collectors" | "new_collectors">,
  wishes: ReadonlyMap<string, FleetWish> | null,
  now: number,
): FleetRow[] {
  const known = new Map<string, Known>(
    [...collectors, ...new_collectors].map((collector) => [collector.name, collector]),
  );
  const names = new Set([...known.keys(), ...wishes?.keys() ?? []]);
  return [...names].map((name) => {
    const collector = known.get(name) ?? null;
    const wish = wishes?.get(name) ?? null;
    const found = [
      ...wishProblems(collector, wish, wishes !== null, now),
      ...collector === null ? [] : ownProblems(collector, wish !== null, now),
    ];
    // What it runs stands for a wish that is not known.
    const revision = wishes === null ? collector?.heartbeat?.steering?.revision : wish?.revision;
    return { row: rowOf(name, collector, revision ?? null), found };
  }).sort((a, b) =>
    weigh(b.found) - weigh(a.found) || b.found.length - a.found.length ||
    (a.row.name < b.row.name ? -1 : 1)
  ).map(({ row, found }) => ({
    ...row,
    problems: found.toSorted(([a], [b]) => b - a).map(([, text]) => text),
  }));
}

type Problem = readonly [weight: number, text: string];

function weigh(problems: readonly Problem[]): number {
  return Math.max(0, ...problems.map(([weight]) => weight));
}

function rowOf(name: string, collector: Known | null, wish: number | null) {
  const heartbeat = collector?.heartbeat ?? null;
  const { gaps } = collector ?? {};
  const isHeard = collector !== null && !collector.late && stoppedAt(collector) === null;
  return {
    name,
    version: heartbeat?.version ?? collector?.epoch?.version ?? null,
    clock_offset_seconds: collector?.clock?.offset_seconds ?? null,
    lag_seconds: collector?.lag_seconds ?? null,
    peers: isHeard ? heartbeat?.peers ?? null : null,
    target: heartbeat?.target ?? collector?.epoch?.target_peers ?? null,
    paused: heartbeat?.steering?.paused ?? null,
    lost_receipts: collector?.lost_receipts ?? 0,
    lost_batches: gaps ? gaps.batches - gaps.awaited : 0,
    spool_bytes: heartbeat?.spool_bytes ?? null,
    spool_max: heartbeat?.spool_max ?? null,
    wish,
    runs: heartbeat?.steering?.revision ?? null,
  };
}

/** When its last run ended, if no later one is heard. */
function stoppedAt({ epoch, heartbeat }: Known): string | null {
  if (!epoch?.ended_at) return null;
  return heartbeat !== null && heartbeat.epoch > epoch.started_at ? null : epoch.ended_at;
}

function wishProblems(
  collector: Known | null,
  wish: FleetWish | null,
  isKnown: boolean,
  now: number,
): Problem[] {
  const fault: Problem[] = wish?.fault ? [[3, `its wish is not one: ${wish.fault}`]] : [];
  if (collector === null) {
    return [...fault, [3, "no collector of this name is heard: nobody reads its wish"]];
  }
  const { late, heartbeat } = collector;
  if (heartbeat === null || late || stoppedAt(collector) !== null) return fault;
  const { refused, revision = null } = heartbeat.steering ?? {};
  // It says itself what is wrong with the wish.
  if (refused) {
    return [[2, `refuses wish ${refused.revision}: ${printable(refused.reason, MAX_TEXT)}`]];
  }
  const since = wish === null ? Infinity : now - wish.at;
  if (!isKnown || revision === (wish?.revision ?? null) || since <= FOLLOWED_MS) return fault;
  return [...fault, [2, `does not follow wish ${wish?.revision ?? "none"}`]];
}

function ownProblems(collector: Known, isWished: boolean, now: number): Problem[] {
  const problems: Problem[] = [];
  const { heartbeat, late, clock = null, lag_seconds: lag = null, gaps } = collector;
  if (late) problems.push([3, "LATE: no sign of life"]);
  const stopped = stoppedAt(collector);
  // A replay or an import ends, too.
  if (stopped !== null && (heartbeat !== null || isWished)) {
    problems.push([2, `stopped at ${stopped.slice(0, 19)}Z`]);
  }
  const batches = gaps ? gaps.batches - gaps.awaited : 0;
  const receipts = collector.lost_receipts ?? 0;
  const losses = gaps?.latest.filter(({ reason }) => reason !== "elsewhere") ?? [];
  const isOld = losses.length > 0 &&
    losses.every(({ noticed_at }) => now - Date.parse(noticed_at) > REPORTED_MS);
  if (!isOld && (batches > 0 || receipts > 0)) {
    problems.push([3, `LOST ${receipts} receipts, ${batches} batches`]);
  }
  if (late || stopped !== null) return problems;
  if (heartbeat === null) {
    if (clock !== null && Math.abs(clock.offset_seconds) >= WRONG_CLOCK_SECONDS) {
      problems.push([2, "clock is wrong: set it (NTP)"]);
    } else if (clock !== null && now - Date.parse(clock.measured_at) > UNMEASURED_MS) {
      problems.push([1, "clock not compared for 15 minutes"]);
    }
    return problems;
  }
  const { peers, target } = heartbeat;
  for (const text of heartbeat.problems ?? []) problems.push([2, printable(text, MAX_TEXT)]);
  if (target !== null && peers < FEW_PEERS * target) problems.push([1, "few peers"]);
  if (lag !== null && lag > LAG_SECONDS && target !== 0) problems.push([1, "receipts are old"]);
  return problems;
}

const COLUMNS = [
  "collector",
  "version",
  "clock",
  "lag",
  "peers",
  "lost",
  "disk",
  "wish",
  "look at",
];

/** The rows as a table. */
export function fleetTable(rows: readonly FleetRow[]): string {
  return alignedText([COLUMNS, ...rows.map(cellsOf)]).join("\n");
}

function cellsOf(row: FleetRow): string[] {
  const unless = <T>(value: T | null, text: (value: T) => string) =>
    value === null ? "?" : text(value);
  const { wish, runs } = row;
  return [
    printable(row.name),
    unless(row.version, (version) => printable(version, 24)),
    unless(row.clock_offset_seconds, (s) => `${(-s * 1000).toFixed(1)} ms`),
    unless(row.lag_seconds, (s) => `${s.toFixed(1)} s`),
    `${row.peers ?? "?"}/${row.paused ? "paused" : row.target ?? "?"}`,
    row.lost_batches === 0 && row.lost_receipts === 0
      ? "0"
      : `${row.lost_receipts} in ${row.lost_batches}`,
    unless(row.spool_bytes, (bytes) => {
      const share = row.spool_max ? ` (${Math.round(100 * bytes / row.spool_max)} %)` : "";
      return `${mebibytes(bytes)}${share}`;
    }),
    wish === runs ? String(wish ?? "-") : `${wish ?? "-"}, runs ${runs ?? "-"}`,
    row.problems.join("; ") || "ok",
  ];
}
