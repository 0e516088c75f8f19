// What an export says in the end: rows and checksums of both sides, table by table.

import { NUL_STAND_IN } from "./columns.ts";
import type { TableOutcome } from "./export.ts";

const HEADINGS = ["table", "rows", "in PostgreSQL", "checksum", "in PostgreSQL", "sent", ""];

/** The report as text, a line a table and one for whatever needs saying. */
export function reportText(outcomes: readonly TableOutcome[]): string {
  const lines = outcomes.map(({ table, ours, theirs, sent, different }) => [
    table,
    number(ours.rows),
    number(theirs.rows),
    ours.checksum.toString(16),
    theirs.checksum.toString(16),
    number(sent),
    different.length === 0 ? "equal" : "DIFFERENT",
  ]);
  const columns = [HEADINGS, ...lines];
  const widths = HEADINGS.map((_, i) => Math.max(...columns.map((row) => row[i].length)));
  const table = columns.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ")
      .trimEnd()
  );
  return [...table, ...remarks(outcomes)].join("\n");
}

function remarks(outcomes: readonly TableOutcome[]): string[] {
  return outcomes.flatMap(({ table, nuls, different }) => [
    ...nuls === 0 ? [] : [
      `${table}: ${
        number(nuls)
      } texts had a NUL, which PostgreSQL cannot hold; each is ${NUL_STAND_IN} there`,
    ],
    ...different.length === 0
      ? []
      : [`${table}: did not arrive as it is here, and was not kept: ${different.join(", ")}`],
  ]);
}

function number(value: number): string {
  return value.toLocaleString("en");
}
