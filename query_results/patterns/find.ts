/**
 * Runs all detectors on a window: findings, one entry per cause, those that a fault of the data explains apart.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { Window } from "../catalog/parameters.ts";
import { DETECTORS } from "./detectors/all.ts";
import { type Fault, faultSql, faultText, judge, readFaults } from "./faults.ts";
import type { Finding } from "./finding.ts";
import { mergeCauses } from "./merge.ts";
import { readWorld } from "./world.ts";

export interface Found {
  readonly window: Window;
  /** The most remarkable first. */
  readonly findings: readonly JudgedFinding[];
  readonly explained: readonly JudgedFinding[];
  readonly faults: readonly Fault[];
}

export interface JudgedFinding extends Finding {
  /** Faults of the data at its time; may be empty. */
  readonly beside: string;
}

/** Findings kept, of each list. */
const MOST_FINDINGS = 500;

/** Needs the queries' definitions on `connection`; leaves temporary tables there. */
export async function findPatterns(connection: DuckDBConnection, wanted: Window): Promise<Found> {
  const world = await readWorld(connection, wanted);
  const found: Finding[] = [];
  for (const { sql, columns, detect } of DETECTORS) {
    found.push(...await detect(await world.integers(sql, columns), world));
  }
  const { faults } = await readFaults(world);
  const findings: JudgedFinding[] = [], explained: JudgedFinding[] = [];
  for (const finding of mergeCauses(found, world)) {
    const { beside, isExplained } = judge(finding, faults, world.collectors.size);
    (isExplained ? explained : findings).push({ ...finding, beside });
  }
  return {
    window: world.window,
    findings: findings.slice(0, MOST_FINDINGS),
    explained: explained.slice(0, MOST_FINDINGS),
    faults,
  };
}

/** The kind of what a fault explains, and of the fault itself. */
export const DATA_FAULT = "data fault";

export type FoundRow = readonly [
  rank: number,
  kind: string,
  entity: string,
  from: number,
  until: number,
  observed: number | null,
  expected: number | null,
  q: number | null,
  effect: number | null,
  evidence: string,
  dataFaults: string,
];

/** The rows of `patterns.csv`: findings, then what faults explain, then the faults. */
export function foundRows({ findings, explained, faults }: Found): FoundRow[] {
  const row = (f: JudgedFinding, kind: string, rank: number): FoundRow => [
    ...[rank, kind, f.entity, f.fromUs, f.untilUs, f.observed, f.expected, f.q, f.effect] as const,
    ...[f.evidence, f.beside] as const,
  ];
  const before = findings.length + explained.length;
  return [
    ...findings.map((f, i) => row(f, f.kind, i + 1)),
    ...explained.map((f, i) => row(f, `${DATA_FAULT}: ${f.kind}`, findings.length + i + 1)),
    ...faults.map((fault, i): FoundRow => [
      ...[
        before + i + 1,
        DATA_FAULT,
        `collector ${fault.collector}`,
        fault.fromUs,
        fault.untilUs,
      ] as const,
      ...[null, null, null, null, faultSql(fault), faultText(fault)] as const,
    ]),
  ];
}
