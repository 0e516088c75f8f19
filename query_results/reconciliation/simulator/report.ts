// What a simulation writes: rows as CSV, charts, and the table of what each protocol costs and brings.

import { join } from "node:path";
import type { ChartSpec } from "../../catalog/query.ts";
import { PALETTE } from "../../chart/palette.ts";
import { drawChart } from "../../chart/render.ts";
import { svgFile } from "../../chart/svg_file.ts";
import { toCsv } from "../../format/csv.ts";
import type { Table } from "../../format/table.ts";
import { makeFolder, writeWhole } from "../../format/whole_files.ts";
import { type CalibratedRow, calibrationText } from "../calibration/rows.ts";
import { figures } from "./outcome.ts";

const COLORS = [
  PALETTE.slate,
  PALETTE.blue,
  PALETTE.orange,
  PALETTE.green,
  PALETTE.violet,
  PALETTE.teal,
  PALETTE.red,
  PALETTE.sand,
].map(({ light }) => light);

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
  const lines = [
    [
      "protocol",
      "50 % in s",
      "95 % in s",
      "MB/node/day",
      "failed rounds",
      "CPU s/node/day",
      "origin first",
    ],
    ...table.rows.map((row, i) => [
      row[1] === null ? String(row[0]) : `${row[0]} at ${row[1]}`,
      shown(half, i, 1) + against(half, i),
      shown(most, i, 1) + against(most, i),
      shown(bytes.map((value) => value === null ? null : value / 1e6), i, 1) + against(bytes, i),
      failed[i] === null ? "–" : `${(100 * failed[i]!).toFixed(2)} %`,
      shown(cpu, i, 1),
      first[i] === null ? "–" : `${(100 * first[i]!).toFixed(1)} %`,
    ]),
  ];
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  return lines.map((line) => line.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd())
    .join("\n");
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
  const charts = words.swept === undefined
    ? { spread: SPREAD_CHART, bytes: BYTES_CHART }
    : { sweep: sweepChart(words.swept) };
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
  const titles = new Map(PANELS.map(([name, title], i) => [name, { title, order: i }]));
  return {
    columns: [
      { name: "protocol", kind: "text" },
      { name: "value", kind: "text" },
      { name: "name", kind: "text" },
      { name: "figure", kind: "text" },
      { name: "amount", kind: "number" },
    ],
    rows: rows.flatMap((row) =>
      columns.map(({ name }, i) => [row[0], row[1], name, titles.get(name)?.title ?? null, row[i]])
        .filter(([, , , , amount]) => typeof amount === "number")
    ),
  };
}

const COLOR = { field: "protocol", type: "nominal", sort: null, scale: { range: COLORS } };

const SPREAD_CHART: { title: string; spec: ChartSpec } = {
  title: "Time until a share of all nodes has a message, median",
  spec: {
    transform: [
      { filter: "indexof(datum.name, 'seconds_to_') === 0" },
      { calculate: "+split(datum.name, '_')[2] + ' %'", as: "share" },
    ],
    mark: "bar",
    encoding: {
      y: { field: "share", type: "nominal", sort: null, title: null },
      yOffset: { field: "protocol", sort: null },
      x: { field: "amount", type: "quantitative", title: "seconds since it was made" },
      color: COLOR,
    },
  },
};

const BYTES_CHART: { title: string; spec: ChartSpec } = {
  title: "Bytes per node and day, BOLT 8 framing included",
  spec: {
    transform: [
      { filter: "test(/^(message|sketch|id|fallback)_bytes/, datum.name)" },
      { calculate: "split(datum.name, '_')[0]", as: "kind" },
    ],
    mark: "bar",
    encoding: {
      y: { field: "protocol", type: "nominal", sort: null, title: null },
      x: { field: "amount", type: "quantitative", title: "bytes", axis: { format: "s" } },
      color: { field: "kind", type: "nominal", scale: { range: COLORS.slice(1) } },
    },
  },
};

function sweepChart(parameter: string): { title: string; spec: ChartSpec } {
  return {
    title: `What ${parameter} changes`,
    spec: {
      transform: [
        { filter: "datum.figure !== null" },
        { calculate: "datum.value === null ? datum.protocol : datum.value", as: "swept" },
      ],
      width: 190,
      height: 110,
      autosize: "pad",
      mark: { type: "line", point: true },
      encoding: {
        facet: { field: "figure", columns: 3, title: null, sort: PANELS.map(([, title]) => title) },
        x: { field: "swept", type: "ordinal", sort: null, title: parameter },
        y: { field: "amount", type: "quantitative", title: null },
        color: COLOR,
      },
      resolve: { scale: { y: "independent" } },
    },
  };
}
