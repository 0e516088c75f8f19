import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { printable } from "../../shared/text.ts";
import type { ChartSpec } from "../catalog/query.ts";
import { shortName } from "../format/numbers.ts";
import type { Cell, Table } from "../format/table.ts";
import { PALETTE } from "./palette.ts";
import {
  CHART_CONFIG,
  CHART_HEIGHT,
  CHART_WIDTH,
  type ChartRow,
  FONT,
  resolveKeyedScales,
  textWidth,
} from "./theme.ts";

// Without a canvas vega takes every character for 0.8 of the font size, which tears legends apart.
const metrics: { width(item: { fontSize?: number; text?: unknown }, text?: unknown): number } =
  // deno-lint-ignore no-explicit-any -- vega's types leave textMetrics out, its documentation does not
  (vega as any).textMetrics;
metrics.width = (item, text) => textWidth(String(text ?? item.text ?? ""), item.fontSize ?? 11);

/** Names longer than this would leave a chart no room. */
const MAX_NAME_CHARACTERS = 34;

/** A chart of one plot: its axes take their room from the width, so that all charts are equally wide. */
const SINGLE_PLOT = {
  width: CHART_WIDTH,
  height: CHART_HEIGHT,
  autosize: { type: "fit-x", contains: "padding" },
};

/** Rows drawn at most: more marks than this take seconds to draw and megabytes of SVG. */
const MAX_CHART_ROWS = 50_000;

export interface ChartContext {
  /** By name, for vega: the query's own and `peers`. */
  readonly parameters: Readonly<Record<string, number>>;
  /** Rows of the dataset `reference`: another run's figures. */
  readonly reference: readonly ChartRow[];
}

/** The inside of an SVG element, and its size in px. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly content: string;
  /** What was left out, or empty. */
  readonly note: string;
}

/**
 * Draws a chart. The rows are its dataset `rows`: instants as milliseconds since the Unix epoch, texts made
 * {@link printable}. Ids inside start with `idPrefix`, so that many drawings fit into one page.
 */
export async function drawChart(
  spec: ChartSpec,
  table: Table,
  context: ChartContext,
  idPrefix: string,
): Promise<Drawing> {
  if (table.rows.length === 0) return noData();
  const { limit, ...rest } = spec as ChartSpec & { limit?: Limit };
  const { rows, note } = limited(chartRows(table), limit);
  const keyed = resolveKeyedScales(rest, [...rows, ...context.reference]);
  const full = {
    ...keyed.vconcat ? {} : SINGLE_PLOT,
    ...keyed,
    config: CHART_CONFIG,
    data: { name: "rows" },
    datasets: { rows, reference: context.reference },
    params: Object.entries(context.parameters).map(([name, value]) => ({ name, value })),
  };
  // A specification is data of this project's own; vega-lite checks it as it compiles.
  const compiled = compile(full as unknown as TopLevelSpec, { logger: silentLogger() });
  const svg = await toSvg(compiled.spec, (view) => widenPoints(compiled.spec, view)) ??
    await toSvg(compiled.spec, () => false);
  const drawing = unwrap(svg!, idPrefix);
  // Axes around nothing: every row lacked what the chart shows.
  return HAS_MARK.test(drawing.content) ? { ...drawing, note } : noData();
}

/** The drawing; null when `isChanged`, called once the data has run through, says that the specification was. */
async function toSvg(
  spec: vega.Spec,
  isChanged: (view: vega.View) => boolean,
): Promise<string | null> {
  const view = new vega.View(vega.parse(spec), {
    renderer: "none",
    logger: silentLogger(),
    loader: offlineLoader(),
  });
  try {
    await view.runAsync();
    return isChanged(view) ? null : await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Where all values are one, a logarithmic scale puts every tick on one point; it gets a decade on both sides. */
function widenPoints({ scales = [] }: vega.Spec, view: vega.View): boolean {
  const points = scales.filter(({ name, type }) => {
    const [least, most] = type === "log" ? view.scale(name).domain() : [];
    return least === most && least > 0;
  });
  for (const scale of points) {
    const [value] = view.scale(scale.name).domain();
    Object.assign(scale, { domain: [value / 10, value * 10] });
  }
  return points.length > 0;
}

/** A mark of data, in a group of its own. */
const HAS_MARK = /role-mark[^>]*[^/]>(?:<g[^>]*[^/]>)*<(?:path|rect|line|text)/;

/** In a specification: the chart shows the first `count` values of `field`, or without it the first rows. */
interface Limit {
  readonly field?: string;
  readonly count: number;
}

function limited(rows: ChartRow[], limit: Limit | undefined): { rows: ChartRow[]; note: string } {
  if (!limit) return { rows, note: "" };
  const { field, count } = limit;
  const keyOf = (row: ChartRow) => field === undefined ? row : row[field];
  const keys = new Set(rows.map(keyOf));
  if (keys.size <= count) return { rows, note: "" };
  const kept = new Set([...keys].slice(0, count));
  return {
    rows: rows.filter((row) => kept.has(keyOf(row))),
    note: `first ${count} of ${keys.size}; the CSV has all`,
  };
}

function chartRows(table: Table): ChartRow[] {
  return table.rows.slice(0, MAX_CHART_ROWS).map((row) =>
    Object.fromEntries(table.columns.map(({ name, kind }, i) => [name, chartValue(row[i], kind)]))
  );
}

function chartValue(value: Cell, kind: Table["columns"][number]["kind"]): unknown {
  if (value === null) return null;
  if (kind === "instant") return Number(value) / 1000;
  return typeof value === "bigint"
    ? Number(value)
    : typeof value === "string"
    ? shortName(printable(value), MAX_NAME_CHARACTERS)
    : value;
}

/** Vega would warn about empty domains and the like on the console. */
function silentLogger(): ReturnType<typeof vega.logger> {
  return vega.logger(vega.None);
}

/** Charts have all their data: whatever they would load is refused. */
function offlineLoader(): ReturnType<typeof vega.loader> {
  const refuse = () => Promise.reject(new Error("a chart may not load anything"));
  return { ...vega.loader(), load: refuse, http: refuse, file: refuse };
}

/** Takes the outer element off vega's SVG, keeping its size. */
function unwrap(svg: string, idPrefix: string): Drawing {
  const outer = svg.match(/^<svg[^>]*? width="([\d.]+)" height="([\d.]+)"[^>]*>(.*)<\/svg>$/s);
  if (!outer) throw new Error("vega's SVG has no outer element with a size");
  const content = outer[3]
    .replaceAll(/ id="([^"]+)"/g, ` id="${idPrefix}-$1"`)
    .replaceAll(/url\(#([^)]+)\)/g, `url(#${idPrefix}-$1)`);
  return { width: Number(outer[1]), height: Number(outer[2]), content, note: "" };
}

function noData(): Drawing {
  const [width, height] = [CHART_WIDTH, 96];
  const content = `<text x="${width / 2}" y="${height / 2}" text-anchor="middle" font-size="14" ` +
    `font-family="${FONT}" fill="${PALETTE.muted.light}">no data</text>`;
  return { width, height, content, note: "" };
}
