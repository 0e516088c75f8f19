import assert from "node:assert/strict";
import { allQueries } from "../catalog/catalog.ts";
import type { Cell, Column, Table } from "../format/table.ts";
import { PALETTE } from "./palette.ts";
import { drawChart } from "./render.ts";
import { svgFile } from "./svg_file.ts";
import { CHART_CONFIG, CHART_WIDTH, resolveKeyedScales } from "./theme.ts";

const context = {
  parameters: { peers: 10, trickle_seconds: 5, minute_seconds: 60, flush_seconds: 90 },
  reference: [],
};
const bars = {
  mark: "bar",
  encoding: {
    y: { field: "word", type: "nominal" },
    x: { field: "count", type: "quantitative" },
    color: { field: "word", type: "nominal", scale: "keyed" },
  },
};

function table(columns: Column[], ...rows: Cell[][]): Table {
  return { columns, rows };
}

const COLUMNS: Column[] = [{ name: "word", kind: "text" }, { name: "count", kind: "integer" }];

Deno.test("a chart is drawn in the palette's colours, its ids its own, and as wide as all", async () => {
  const rows = table(COLUMNS, ["channel_update", 3], ["other", 2n ** 60n]);
  const drawing = await drawChart(bars, rows, context, "q");
  assert.equal(drawing.width, CHART_WIDTH);
  assert.ok(drawing.content.includes(`fill="${PALETTE.blue.light}"`));
  assert.ok(drawing.content.includes(">channel_update</text>"));
  for (const [, id] of drawing.content.matchAll(/ id="([^"]+)"/g)) assert.match(id, /^q-/);
  for (const [, id] of drawing.content.matchAll(/url\(#([^)]+)\)/g)) assert.match(id, /^q-/);
});

Deno.test("hostile text in a chart is text", async () => {
  const rows = table(COLUMNS, ["\u202e</text><script>", 1]);
  const drawing = await drawChart(bars, rows, context, "q");
  const words = { title: "<t>", description: "&", caption: ["<c>"] };
  const file = svgFile(drawing, words, "q");
  assert.doesNotMatch(file, /<script|\u202e|<t>|<c>/);
  assert.ok(file.includes("&lt;script&gt;"));
  assert.ok(file.includes("\\u{202e}"));
});

Deno.test("no rows, no chart: it says so", async () => {
  const drawing = await drawChart(bars, table(COLUMNS), context, "q");
  assert.match(drawing.content, />no data</);
});

Deno.test("rows without anything to show are no data, not axes around nothing", async () => {
  const filtered = { ...bars, transform: [{ filter: "datum.count > 9" }] };
  const drawing = await drawChart(filtered, table(COLUMNS, ["a", 3]), context, "q");
  assert.match(drawing.content, />no data</);
});

Deno.test("a chart of many shows the first and says so; long names keep both ends", async () => {
  const rows = Array.from({ length: 30 }, (_, i): Cell[] => [`${"0".repeat(60)}${i + 100}`, i + 1]);
  const spec = { limit: { field: "word", count: 5 }, ...bars };
  const drawing = await drawChart(spec, table(COLUMNS, ...rows), context, "q");
  assert.equal(drawing.note, "first 5 of 30; the CSV has all");
  assert.match(drawing.content, />0+…0+104</);
  assert.doesNotMatch(drawing.content, /105</);
});

Deno.test("a keyed scale has the words that are there, known ones first and in their colours", () => {
  const rows = [{ word: "z" }, { word: "node_announcement" }, { word: "all" }];
  const resolved = resolveKeyedScales(bars, rows) as typeof bars;
  assert.deepEqual(resolved.encoding.color.scale, {
    domain: ["all", "node_announcement", "z"],
    range: [PALETTE.slate.light, PALETTE.orange.light, PALETTE.violet.light],
  });
});

/** A row that fits the columns that a chart may ask for. */
const EXAMPLE: Record<string, Cell> = {
  summary_type: "channel_update",
  type_name: "channel_update",
  type: 258,
  metric: "Updates from the top 1 %, in %",
  value: 30,
  interval_start: 1e15,
  interval_end: 1e15 + 9e8,
  cause: "timed out",
  sessions_of: "alpha, Tor",
  sync_seconds: 30,
  started_at: 1e15,
  verdict: "valid",
  reason: "missing",
  close_reason: "bye",
  ended_by: "peer",
  collector: "alpha",
  rank: 1,
};

Deno.test("each query's chart draws marks from a row of its own columns", async () => {
  for (const { name, sql, chart } of allQueries()) {
    // Whatever the specification names as a field is given, as a number unless it is known to be something else.
    const names = new Set([...sql.matchAll(/\b[a-z][a-z0-9_]+\b/g)].map((match) => match[0]));
    const row = Object.fromEntries([...names].map((column) => [column, EXAMPLE[column] ?? 5]));
    const columns = Object.keys(row).map((column): Column => ({
      name: column,
      kind: /_(start|end|at)$/.test(column)
        ? "instant"
        : typeof row[column] === "string"
        ? "text"
        : "number",
    }));
    const rows = ["channel_update", "all"].map((summary_type) =>
      Object.values("summary_type" in row ? { ...row, summary_type } : row)
    );
    const drawing = await drawChart(chart, table(columns, ...rows), context, name);
    assert.match(drawing.content, /mark-(rect|line|symbol|rule)[^>]*role-mark/, name);
    assert.doesNotMatch(drawing.content, /NaN|undefined/, name);
  }
});

Deno.test("the theme's colours are the palette's, so that a dark system has its own", () => {
  const light: string[] = Object.values(PALETTE).map((pair) => pair.light);
  for (const [color] of JSON.stringify(CHART_CONFIG).matchAll(/#[0-9a-f]{6}/g)) {
    assert.ok(light.includes(color), color);
  }
});
