// The calibration table: what real receipts between peers look like, and how near others must come. Pure.

import { alignedText } from "../../format/table.ts";
import { averagedFigures } from "./figures.ts";
import type { Trace } from "./traces.ts";

export interface CalibrationRow {
  /** What is measured, with its unit. */
  readonly name: string;
  /** The real run's values: one to four of a kind. */
  readonly real: readonly number[];
  readonly accepted: readonly (readonly [low: number, high: number])[];
  /** Digits after the point that mean anything. */
  readonly digits: number;
}

export interface CalibratedRow extends CalibrationRow {
  readonly found: readonly number[];
  /** All that was found is accepted. */
  readonly holds: boolean;
}

/** `real` ± shares of it. */
function within(name: string, real: number[], shares: number[], digits = 0): CalibrationRow {
  const accepted = real.map((v, i) => [v * (1 - shares[i]), v * (1 + shares[i])] as const);
  return { name, real, accepted, digits };
}

function withinTenth(name: string, real: number[]): CalibrationRow {
  return { name, real, accepted: real.map((v) => [v - 0.1, v + 0.1] as const), digits: 2 };
}

/**
 * In the order of `calibrationFigures`. Measured on the run of 2025-09-26: the 44 channel updates and node announcements
 * of its receipt traces that at least 850 of 975 peers delivered. Two random halves of them are within the bounds.
 */
export const CALIBRATION_ROWS: readonly CalibrationRow[] = [
  within("delay P25/50/75/95, s", [128, 192, 258, 370], [0.1, 0.1, 0.1, 0.1]),
  within("delay P5, s", [46.7], [0.2], 1),
  within("mean |Δ| of two peers, s", [113], [0.1]),
  within("mean |Δ| by pair P5/50/95, s", [44, 96, 229], [0.25, 0.08, 0.15]),
  within("D(30 s) by pair P5/50/95", [53, 68, 73], [0.15, 0.05, 0.05]),
  within("D(300 s) by pair P5/50/95", [113, 242, 516], [0.25, 0.1, 0.15]),
  withinTenth("variance by message/peer/rest", [0.23, 0.49, 0.28]),
  withinTenth("Spearman of two messages", [0.64]),
  { name: "peers with half of first 20", real: [27], accepted: [[15, 50]], digits: 0 },
];

/** Holds sets of wide messages, as `wideSets` makes them, against the table. */
export function calibrate(sets: readonly (readonly Trace[])[]): CalibratedRow[] {
  const figures = averagedFigures(sets);
  return CALIBRATION_ROWS.map((row, i) => {
    const found = figures[i];
    const holds = row.accepted.every(([low, high], j) => found[j] >= low && found[j] <= high);
    return { ...row, found, holds };
  });
}

/** The table as text: a line per row. */
export function calibrationText(rows: readonly CalibratedRow[]): string {
  const cells = rows.map(({ name, real, accepted, found, digits, holds }) => {
    const joined = (values: readonly number[], by: string) =>
      values.map((value) => value.toFixed(digits)).join(by);
    const ranges = accepted.map((range) => joined(range, "–")).join(" ");
    return [name, joined(real, "/"), joined(found, "/"), ranges, holds ? "pass" : "FAIL"];
  });
  const table = alignedText([["figure", "real", "found", "accepted", ""], ...cells]);
  const held = rows.filter(({ holds }) => holds).length;
  return [...table, "", `${held} of ${rows.length} rows hold.`].join("\n");
}
