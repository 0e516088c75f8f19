// What a simulation writes: rows as CSV, charts, and the table of what each protocol costs and brings.

import { join } from "node:path";
import type { ChartSpec } from "../../catalog/query.ts";
import { drawChart } from "../../chart/render.ts";
import { svgFile } from "../../chart/svg_file.ts";
import { toCsv } from "../../format/csv.ts";
import { alignedText, type Table, tableOf } from "../../format/table.ts";
import { makeFolder, writeWhole } from "../../format/whole_files.ts";
import { type CalibratedRow, calibrationText } from "../calibration/rows.ts";
import { figures } from "./outcome.ts";
import bytes from "./charts/bytes.json" with { type: "json" };
import spread from "./charts/spread.json" with { type: "json" };
import sweep from "./charts/sweep.json" with { type: "json" };

/** What the charts of a sweep show, in order. */
const PANELS: readonly (readonly [column: string, title: string])[] = [
  ["seconds_to_50", "seconds to half of the nodes"],
  ["seconds_to_95", "seconds to 95 %"],
  ["seconds_to_99", "seconds to 99 %"],
  ["all_bytes_per_node_day", "bytes per node and day"],
  ["failed_share", "share of failed rounds"],
  ["cpu_seconds_per_node_day", "CPU seconds per node and day"],
];

/** `simulated`, with what the calibration says. */
export function verdict(rows: readonly CalibratedRow[] | null): string {
  if (rows === null) return "simulated, not calibrated: no message of wide reach";
  const held = rows.filter(({ holds }) => holds).length;
  return held === rows.length
    ? `simulated; flooding holds all ${held} rows of the calibration table`
    : `simulated, not calibrated: flooding holds ${held} of ${rows.length} rows`;
}

/** Whether flooding holds the whole table. */
export function isCalibrated(rows: readonly CalibratedRow[] | null): boolean {
  return rows !== null && rows.every(({ holds }) => holds);
}

/** The table of costs and benefits against flooding, the first row, as text. */
export function comparisonText(table: Table): string {
  const column = (name: string) => figures(table, name);
  const [half, most] = [column("seconds_to_50"), column("seconds_to_95")];
  const bytes = column("all_bytes_per_node_day");
  const failed = column("failed_share"), cpu = column("cpu_seconds_per_node_day");
  const first = column("origin_first_share");
  const against = (values: (number | null)[], i: number) =>
    values[i] === null || values[0] === null || i === 0
      ? ""
      : ` (${values[i]! >= values[0] ? "+" : "−"}${
        Math.abs(100 * (values[i]! / values[0] - 1)).toFixed(0)
      } %)`;
  const shown = (values: (number | null)[], i: number, digits: number) =>
    values[i] === null ? "–" : values[i]!.toFixed(digits);
  const head = "protocol,50 % in s,95 % in s,MB/node/day,failed rounds,CPU s/node/day,origin first";
  return alignedText([
    head.split(","),
    ...table.rows.map((row, i) => [
      row[1] === null ? String(row[0]) : `${row[0]} at ${row[1]}`,
      shown(half, i, 1) + against(half, i),
      shown(most, i, 1) + against(most, i),
      shown(bytes.map((value) => value === null ? null : value / 1e6), i, 1) + against(bytes, i),
      failed[i] === null ? "–" : `${(100 * failed[i]!).toFixed(2)} %`,
      shown(cpu, i, 1),
      first[i] === null ? "–" : `${(100 * first[i]!).toFixed(1)} %`,
    ]),
  ]).join("\n");
}

/** Writes all files into `folder`, each whole, comparison.txt last. @throws {UserError} when one cannot be written. */
export async function writeReport(
  folder: string,
  table: Table,
  calibration: readonly CalibratedRow[] | null,
  words: { readonly settings: string; readonly swept: string | undefined },
): Promise<void> {
  const title = verdict(calibration);
  const text = calibration === null ? title : `${title}\n\n${calibrationText(calibration)}`;
  const charts: Record<string, { title: string; spec: ChartSpec }> = words.swept === undefined
    ? { spread, bytes }
    : { sweep: { title: `What ${words.swept} changes`, spec: sweep.spec } };
  const long = longRows(table);
  const files: [name: string, text: string][] = [];
  for (const [name, chart] of Object.entries(charts)) {
    const drawing = await drawChart(chart.spec, long, { parameters: {}, reference: [] }, name);
    const svg = svgFile(drawing, {
      title: `${chart.title} (${
        isCalibrated(calibration) ? "simulated" : "simulated, not calibrated"
      })`,
      description: chart.title,
      caption: [words.settings, title],
    }, name);
    files.push([`${name}.svg`, svg]);
  }
  files.push(["calibration.txt", `${text}\n`], ["runs.csv", toCsv(table)]);
  const last = join(folder, "comparison.txt");
  await makeFolder(folder);
  // An earlier report's beside this one's files would be half of each.
  await Deno.remove(last).catch(() => {});
  for (const [name, text] of files) await writeWhole(join(folder, name), text);
  await writeWhole(last, `${title}\n\n${comparisonText(table)}\n`);
}

/** Protocol, value, figure, amount: one row per figure. */
function longRows({ columns, rows }: Table): Table {
  const titles = new Map(PANELS);
  return tableOf(
    "protocol:text value:text name:text figure:text amount",
    rows.flatMap((row) =>
      columns.map(({ name }, i) => [row[0], row[1], name, titles.get(name) ?? null, row[i]])
        .filter(([, , , , amount]) => typeof amount === "number")
    ),
  );
}
