// Runs all detectors on a window: findings, one entry per cause, those that a fault of the data explains apart.

import type { DuckDBConnection } from "@duckdb/node-api";
import type { Summaries } from "../archive/summaries.ts";
import type { Window } from "../catalog/parameters.ts";
import type { Column, Table } from "../format/table.ts";
import { DETECTORS } from "./detectors/all.ts";
import { oddities } from "./detectors/oddities.ts";
import { type Fault, faultSql, faultText, judge, readFaults } from "./faults.ts";
import { effectOf, type Finding } from "./detectors/finding.ts";
import { mergeCauses } from "./merge.ts";
import { readWorld, type World } from "./detectors/world.ts";

export interface JudgedFinding extends Finding {
  /** Faults of the data at its time; may be empty. */
  readonly beside: string;
}

export interface Found {
  readonly world: World;
  /** The most remarkable first. */
  readonly findings: readonly JudgedFinding[];
  readonly explained: readonly JudgedFinding[];
  readonly faults: readonly Fault[];
}

/** Findings kept, of each list. */
const MOST_FINDINGS = 500;

/** Needs the queries' definitions on `connection`; leaves temporary tables there. */
export async function findPatterns(
  connection: DuckDBConnection,
  window: Window,
  summaries?: Summaries,
): Promise<Found> {
  const world = await readWorld(connection, window, summaries);
  const found = await oddities(world);
  for (const { sql, columns, detect } of DETECTORS) {
    found.push(...detect(await world.integers(sql, columns), world));
  }
  const faults = await readFaults(world);
  const judged = mergeCauses(found, world).map((finding) => ({
    ...finding,
    ...judge(finding, faults, world),
  }));
  const [findings, explained] = [false, true].map((isExplained) =>
    judged.filter((finding) => finding.isExplained === isExplained).slice(0, MOST_FINDINGS)
  );
  return { world, findings, explained, faults };
}

/** The kind of what a fault explains begins with it; of the fault itself it is all. */
const DATA_FAULT = "data fault";

const COLUMNS: readonly Column[] = ([
  ["rank", "integer"],
  ["kind", "text"],
  ["entity", "text"],
  ["from", "instant"],
  ["until", "instant"],
  ["observed", "number"],
  ["expected", "number"],
  ["q_value", "number"],
  ["effect", "number"],
  ["evidence_sql", "text"],
  ["data_faults", "text"],
] as const).map(([name, kind]) => ({ name, kind }));

/** The rows of `patterns.csv`: findings, then what faults explain, then the faults; null gives none. */
export function foundTable(found: Found | null): Table {
  if (found === null) return { columns: COLUMNS, rows: [] };
  const { world, findings, explained, faults } = found;
  const span = ({ fromMs, untilMs }: { fromMs: number; untilMs: number }) =>
    [fromMs, untilMs].map(world.toUs);
  const row = (f: JudgedFinding, kind: string) => [
    ...[kind, f.subject.name, ...span(f), f.observed, f.expected, f.q, effectOf(f)],
    ...[evidenceOf(f, world), f.beside],
  ];
  const rows = [
    ...findings.map((f) => row(f, f.kind)),
    ...explained.map((f) => row(f, `${DATA_FAULT}: ${f.kind}`)),
    ...faults.map((fault) => [
      ...[DATA_FAULT, `collector ${fault.collector}`, ...span(fault), null, null, null, null],
      ...[faultSql(fault, world), faultText(fault, world)],
    ]),
  ];
  return { columns: COLUMNS, rows: rows.map((row, i) => [i + 1, ...row]) };
}

/** What an origin's own clock may be ahead of first sights, and behind. */
const CLOCK_MS = 3_600_000;

/** SQL for the receipts of a finding. */
export function evidenceOf({ kind, subject, fromMs, untilMs }: Finding, world: World): string {
  const margin = kind === "period" ? CLOCK_MS : 0;
  return subject.evidence(world.toUs(fromMs - margin), world.toUs(untilMs + margin));
}
