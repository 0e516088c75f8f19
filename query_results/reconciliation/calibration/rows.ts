/**
 * The calibration table: what real receipts between peers look like, and how near generated ones must come. Pure.
 *
 * @module
 */
import { averagedFigures } from "./figures.ts";
import { type Traces, wideSets } from "./traces.ts";

/** A figure, or two to four of one kind. */
export interface CalibrationRow {
  /** What is measured, with its unit. */
  readonly name: string;
  /** The real run's values. */
  readonly real: readonly number[];
  /** Least and most that is accepted, for each of them. */
  readonly accepted: readonly (readonly [low: number, high: number])[];
  /** Digits after the point that mean anything. */
  readonly digits: number;
}

/** A row with what was found. */
export interface CalibratedRow extends CalibrationRow {
  /** The values of the traces at hand. */
  readonly found: readonly number[];
  /** All of them are accepted. */
  readonly holds: boolean;
}

/** `real` ± a share of it. */
function within(name: string, real: number[], shares: number[], digits = 0): CalibrationRow {
  const accepted = real.map((value, i) =>
    [value * (1 - shares[i]), value * (1 + shares[i])] as const
  );
  return { name, real, accepted, digits };
}

/** `real` ± a tenth of one. */
function withinTenth(name: string, real: number[]): CalibrationRow {
  return { name, real, accepted: real.map((v) => [v - 0.1, v + 0.1] as const), digits: 2 };
}

/**
 * The rows in the order of `calibrationFigures`. Measured on the run of 2025-09-26 (`receipt-traces`: the 44 channel
 * updates and node announcements that at least 850 of 975 peers delivered). The bounds are between one and three
 * times the difference of two random halves of them, but for P5, where a generator is held to less.
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

/** Holds `traces` against the table; null when no message in them is wide. */
export function calibrate(traces: Traces): CalibratedRow[] | null {
  const sets = wideSets(traces);
  if (sets.length === 0) return null;
  const figures = averagedFigures(sets);
  return CALIBRATION_ROWS.map((row, i) => ({
    ...row,
    found: figures[i],
    holds: figures[i].every((value, j) =>
      value >= row.accepted[j][0] && value <= row.accepted[j][1]
    ),
  }));
}

/** The table as text: a line per row, found beside real and accepted values. */
export function calibrationText(rows: readonly CalibratedRow[]): string {
  const cells = rows.map(({ name, real, accepted, found, digits, holds }) => {
    const joined = (values: readonly number[]) => values.map((v) => v.toFixed(digits)).join("/");
    const ranges = accepted.map((range) => range.map((v) => v.toFixed(digits)).join("–")).join(" ");
    return [name, joined(real), joined(found), ranges, holds ? "pass" : "FAIL"];
  });
  const lines = [["figure", "real", "found", "accepted", ""], ...cells];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const table = lines.map((line) =>
    line.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()
  );
  const held = rows.filter(({ holds }) => holds).length;
  return [...table, "", `${held} of ${rows.length} rows hold.`].join("\n");
}
