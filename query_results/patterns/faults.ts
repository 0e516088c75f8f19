// Faults of the data, which are never patterns: what they explain is listed apart.

import { literal } from "../archive/sql.ts";
import { formatDuration, formatInstant } from "../format/numbers.ts";
import { type Finding, receiptsSql } from "./detectors/finding.ts";
import { BIN_MS, type World } from "./detectors/world.ts";
import query from "./faults.sql" with { type: "text" };

export interface Fault {
  readonly collector: string;
  /** `gap`, `silence`, `restart`, `stall`, `clock step`, `torn clock`, `warm-up` or `quota`. */
  readonly what: string;
  /** ms since the window's start. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly detail: string;
}

/** A change so soon after a fault is its effect: what was late, or came as backlog. What a stall or a step delays comes at once. */
const LATE_MS = 15 * 60_000;
const AT_ONCE_MS = 60_000;
const AT_ONCE: ReadonlySet<string> = new Set(["stall", "clock step"]);
/** A pattern is the fault's when the faults cover this share of its time; receipts of warm-up are not counted anyway. */
const COVERED = 0.8;
const WARM_UP = "warm-up";
/** Where several collectors hear the same, this share of them must have been at fault. */
const COLLECTORS_SHARE = 0.5;
/** Of these kinds, edges count, known to a minute or a bin: a burst begins where a fault ends, a level begins or ends there. */
const EDGES: Readonly<
  Record<string, { at: (finding: Finding) => readonly number[]; errorMs: number }>
> = {
  burst: { at: ({ fromMs }) => [fromMs], errorMs: 60_000 },
  level: { at: ({ fromMs, untilMs }) => [fromMs, untilMs], errorMs: BIN_MS },
};
/** Faults listed beside one finding, and in all. */
const MOST_BESIDE = 3;
const MOST_FAULTS = 200;

/** The faults that touch the window, at most {@link MOST_FAULTS}. */
export async function readFaults({ rows, window, lengthMs }: World): Promise<Fault[]> {
  const toMs = (us: unknown) => Math.min(Math.max((Number(us) - window.from) / 1000, 0), lengthMs);
  return (await rows(query)).slice(0, MOST_FAULTS).map((
    [collector, what, from, until, detail],
  ) => ({
    collector: String(collector),
    what: String(what),
    fromMs: toMs(from),
    untilMs: toMs(until),
    detail: String(detail),
  }));
}

/** What lies beside a finding, and whether that explains it. */
export function judge(
  finding: Finding,
  faults: readonly Fault[],
  world: World,
): { beside: string; isExplained: boolean } {
  const { fromMs, untilMs, kind, subject } = finding;
  const { at, errorMs } = EDGES[kind] ?? { at: () => [], errorMs: 0 };
  const lastMs = ({ what, untilMs }: Fault) =>
    untilMs + errorMs + (AT_ONCE.has(what) ? AT_ONCE_MS : LATE_MS);
  const near = faults.filter((fault) =>
    fault.fromMs - errorMs <= untilMs && lastMs(fault) >= fromMs &&
    (subject.collector ?? fault.collector) === fault.collector
  );
  const isAt = (edge: number) => (fault: Fault) =>
    edge >= fault.fromMs - errorMs && edge <= lastMs(fault);
  const isCause = (own: readonly Fault[]) =>
    coverage(finding, own) >= COVERED || at(finding).some((edge) => own.some(isAt(edge)));
  const causes =
    [...Map.groupBy(near, ({ collector }) => collector).values()].filter(isCause).length;
  const needed = subject.collector === undefined
    ? Math.max(1, COLLECTORS_SHARE * world.activeCollectors)
    : 1;
  const rest = near.length > MOST_BESIDE ? ` and ${near.length - MOST_BESIDE} more` : "";
  const texts = near.slice(0, MOST_BESIDE).map((fault) => faultText(fault, world));
  return { beside: texts.join("; ") + rest, isExplained: causes >= needed };
}

function coverage({ fromMs, untilMs }: Finding, faults: readonly Fault[]): number {
  let covered = 0, at = fromMs;
  const lasting = faults.filter(({ what }) => what !== WARM_UP);
  for (const fault of lasting.sort((a, b) => a.fromMs - b.fromMs)) {
    const [from, until] = [Math.max(at, fault.fromMs), Math.min(untilMs, fault.untilMs)];
    if (until <= from) continue;
    covered += until - from;
    at = until;
  }
  return covered / Math.max(1, untilMs - fromMs);
}

/** `gap at vps1, 2026-01-02 03:04:05 (10 min): 3 batches never came (missing)`. */
export function faultText(
  { collector, what, fromMs, untilMs, detail }: Fault,
  { toUs }: World,
): string {
  const length = formatDuration((untilMs - fromMs) / 1000);
  return `${what} at ${collector}, ${formatInstant(toUs(fromMs))} (${length}): ${detail}`;
}

/** SQL for what the collector received around a fault. */
export function faultSql({ collector, fromMs, untilMs }: Fault, { toUs }: World): string {
  const name = literal(collector);
  const where = `r.collector_id IN (SELECT collector_id FROM collectors WHERE name = ${name})`;
  return receiptsSql(where, toUs(fromMs - 60_000), toUs(untilMs + 60_000));
}
