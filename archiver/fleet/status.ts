// One row per collector, the one that needs a look first.

import { printable } from "../../shared/text.ts";
import type { CollectorStatus, Status } from "../status/status.ts";
import type { FleetWish } from "./wishes.ts";

const WRONG_CLOCK_SECONDS = 1;
const UNMEASURED_MS = 900_000;
const LAG_SECONDS = 300;
const FULL_SHARE = 0.9;
const FEW_PEERS = 0.5;
/** A wish that is younger may be on its way. */
const FOLLOWED_MS = 30_000;
const MIB = 1024 ** 2;

/** A collector of the fleet, in `--json`; null: not known. */
export interface FleetRow {
  readonly name: string;
  /** Worst first; empty when all is well. */
  readonly problems: readonly string[];
  readonly version: string | null;
  readonly clock_offset_seconds: number | null;
  readonly lag_seconds: number | null;
  readonly peers: number | null;
  readonly target: number | null;
  readonly lost_receipts: number;
  readonly lost_batches: number;
  readonly spool_bytes: number | null;
  readonly spool_max: number | null;
  readonly wish: number | null;
  readonly runs: number | null;
}

type Known = Partial<CollectorStatus> & Pick<CollectorStatus, "name" | "late" | "heartbeat">;

/** One row per collector, worst first. @param now ms since the Unix epoch. */
export function fleetRows(
  { collectors, new_collectors }: Pick<Status, "collectors" | "new_collectors">,
  wishes: ReadonlyMap<string, FleetWish>,
  now: number,
): FleetRow[] {
  const known = new Map<string, Known>(
    [...collectors, ...new_collectors].map((collector) => [collector.name, collector]),
  );
  const names = new Set([...known.keys(), ...wishes.keys()]);
  return [...names].map((name) => {
    const collector = known.get(name) ?? null;
    const wish = wishes.get(name) ?? null;
    return { row: rowOf(name, collector, wish), found: problemsOf(collector, wish, now) };
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

function rowOf(name: string, collector: Known | null, wish: FleetWish | null) {
  const heartbeat = collector?.heartbeat ?? null;
  const { gaps } = collector ?? {};
  return {
    name,
    version: heartbeat?.version ?? collector?.epoch?.version ?? null,
    clock_offset_seconds: collector?.clock?.offset_seconds ?? null,
    lag_seconds: collector?.lag_seconds ?? null,
    peers: heartbeat?.peers ?? null,
    target: heartbeat?.target ?? collector?.epoch?.target_peers ?? null,
    lost_receipts: collector?.lost_receipts ?? 0,
    lost_batches: gaps ? gaps.batches - gaps.awaited : 0,
    spool_bytes: heartbeat?.spool_bytes ?? null,
    spool_max: heartbeat?.spool_max ?? null,
    wish: wish?.revision ?? null,
    runs: heartbeat?.steering?.revision ?? null,
  };
}

function problemsOf(collector: Known | null, wish: FleetWish | null, now: number): Problem[] {
  const problems: Problem[] = [];
  if (wish?.fault) problems.push([3, `its wish is not one: ${wish.fault}`]);
  if (collector === null) {
    return [...problems, [3, "no collector of this name is heard: nobody reads its wish"]];
  }
  const { heartbeat, late, clock = null, lag_seconds: lag = null, gaps } = collector;
  if (late) problems.push([3, "LATE: no sign of life"]);
  const lostBatches = gaps ? gaps.batches - gaps.awaited : 0;
  if (lostBatches > 0 || (collector.lost_receipts ?? 0) > 0) {
    problems.push([3, `LOST ${collector.lost_receipts} receipts, ${lostBatches} batches`]);
  }
  if (clock !== null && Math.abs(clock.offset_seconds) >= WRONG_CLOCK_SECONDS) {
    problems.push([2, "clock is wrong: set it (NTP)"]);
  } else if (clock !== null && now - Date.parse(clock.measured_at) > UNMEASURED_MS && !late) {
    problems.push([1, "clock not compared for 15 minutes"]);
  }
  if (heartbeat === null) return problems;
  const { steering, peers, target, spool_bytes: bytes, spool_max: most } = heartbeat;
  if (steering?.refused) {
    problems.push([2, `refuses wish ${steering.refused.revision}: ${steering.refused.reason}`]);
  } else if ((steering?.revision ?? null) !== (wish?.revision ?? null)) {
    const since = wish === null ? Infinity : now - wish.at;
    if (since > FOLLOWED_MS) problems.push([2, `does not follow wish ${wish?.revision ?? "none"}`]);
  }
  if (most !== null && bytes > FULL_SHARE * most) problems.push([2, "its spool is nearly full"]);
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
  const cells = [COLUMNS, ...rows.map(cellsOf)];
  const widths = COLUMNS.map((_, at) => Math.max(...cells.map((row) => row[at].length)));
  return cells.map((row) => row.map((cell, at) => cell.padEnd(widths[at])).join("  ").trimEnd())
    .join("\n");
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
    `${row.peers ?? "?"}/${row.target ?? "?"}`,
    row.lost_batches === 0 && row.lost_receipts === 0
      ? "0"
      : `${row.lost_receipts} in ${row.lost_batches}`,
    unless(row.spool_bytes, (bytes) => {
      const share = row.spool_max ? ` (${Math.round(100 * bytes / row.spool_max)} %)` : "";
      return `${(bytes / MIB).toFixed(1)} MiB${share}`;
    }),
    wish === runs ? String(wish ?? "-") : `${wish ?? "-"}, runs ${runs ?? "-"}`,
    row.problems.map((problem) => printable(problem, 400)).join("; ") || "ok",
  ];
}
