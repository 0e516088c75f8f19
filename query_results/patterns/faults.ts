/**
 * Faults of the data, which are never patterns: what they explain is listed apart.
 *
 * @module
 */
import { formatDuration, formatInstant } from "../format/numbers.ts";
import { type Finding, spanSql } from "./finding.ts";
import type { World } from "./world.ts";
import query from "./faults.sql" with { type: "text" };

export interface Fault {
  readonly collector: string;
  /** `gap`, `silence`, `restart`, `stall`, `clock step`, `torn clock`, `warm-up` or `quota`. */
  readonly what: string;
  readonly fromUs: number;
  readonly untilUs: number;
  readonly detail: string;
}

/** A change so soon after a fault is its effect: what was late, or came as backlog. Before it, bins of ten minutes blur. */
const NEAR_US = 15 * 60_000_000;
const EARLY_US = 10 * 60_000_000;
/** A pattern is the fault's when the faults cover this share of its time. */
const COVERED = 0.8;
/** Of these kinds, edges count: a burst begins where a fault ends, a level begins or ends there. */
const EDGES: Readonly<Record<string, (finding: Finding) => readonly number[]>> = {
  burst: ({ fromUs }) => [fromUs],
  level: ({ fromUs, untilUs }) => [fromUs, untilUs],
};
/** Faults listed beside one finding, and in all. */
const MOST_BESIDE = 3;
const MOST_FAULTS = 200;

/** The faults that touch the window, at most {@link MOST_FAULTS}; `left` counts the others. */
export async function readFaults(world: World): Promise<{ faults: Fault[]; left: number }> {
  const faults = (await world.rows(query)).map(([collector, what, from, until, detail]) => ({
    collector: String(collector),
    what: String(what),
    fromUs: Math.max(Number(from), world.window.from),
    untilUs: Math.min(Number(until), world.window.to),
    detail: String(detail),
  }));
  return { faults: faults.slice(0, MOST_FAULTS), left: Math.max(0, faults.length - MOST_FAULTS) };
}

/** What lies beside a finding, and whether that explains it. */
export function judge(
  finding: Finding,
  faults: readonly Fault[],
  collectors: number,
): { beside: string; isExplained: boolean } {
  const near = faults.filter(({ collector, fromUs, untilUs }) =>
    fromUs <= finding.untilUs + NEAR_US && untilUs >= finding.fromUs - NEAR_US &&
    (finding.collector === undefined ? collectors === 1 : finding.collector === collector)
  );
  const edges = EDGES[finding.kind]?.(finding) ?? [];
  const isEdge = ({ fromUs, untilUs }: Fault) =>
    edges.some((edge) => edge >= fromUs - EARLY_US && edge <= untilUs + NEAR_US);
  const isExplained = near.some(isEdge) || coverage(finding, near) >= COVERED;
  const rest = near.length > MOST_BESIDE ? ` and ${near.length - MOST_BESIDE} more` : "";
  return { beside: near.slice(0, MOST_BESIDE).map(faultText).join("; ") + rest, isExplained };
}

function coverage({ fromUs, untilUs }: Finding, faults: readonly Fault[]): number {
  let covered = 0, at = fromUs;
  for (const fault of faults.toSorted((a, b) => a.fromUs - b.fromUs)) {
    const [from, until] = [Math.max(at, fault.fromUs), Math.min(untilUs, fault.untilUs)];
    if (until <= from) continue;
    covered += until - from;
    at = until;
  }
  return covered / Math.max(1, untilUs - fromUs);
}

/** `gap at vps1, 2026-01-02 03:04:05 (10 min): 3 batches never came (missing)`. */
export function faultText({ collector, what, fromUs, untilUs, detail }: Fault): string {
  const length = formatDuration((untilUs - fromUs) / 1e6);
  return `${what} at ${collector}, ${formatInstant(fromUs)} (${length}): ${detail}`;
}

/** SQL for what the collector received around a fault. */
export function faultSql({ collector, fromUs, untilUs }: Fault): string {
  const name = `'${collector.replaceAll("'", "''")}'`;
  return spanSql(
    `r.collector_id IN (SELECT collector_id FROM collectors WHERE name = ${name})`,
    fromUs - 60_000_000,
    untilUs + 60_000_000,
  );
}
