import type { Frame } from "../archive/frame.ts";
import { formatNumber, formatPlural } from "../format/numbers.ts";
import { type Cell, columnValues, type Table } from "../format/table.ts";
import specs from "./figures.json" with { type: "json" };
import { PUBLISHED } from "./reference.ts";

export interface Figure {
  readonly label: string;
  readonly kind: "plain" | "seconds" | "rate";
  /** Null when unknown, as when its query found nothing. */
  readonly value: number | null;
  readonly published: number | null;
  /** After the number: `%`, `B`, `s` or nothing; `span` is seconds in the unit that suits. */
  readonly unit: string;
  /** What it rests on, e.g. `8 of 363 messages`; empty for a plain count. */
  readonly basis: string;
}

interface Spec {
  readonly label: string;
  readonly query: string;
  readonly column: string;
  /** The row: a column and its value there; the one of all types when absent. */
  readonly where?: readonly string[];
  /** Keys that lead to the published run's. */
  readonly published?: readonly string[];
  readonly kind?: string;
  /** `% of peers` makes a share of the run's peers. */
  readonly unit?: string;
  /** With columns of the same row in braces. */
  readonly basis?: string;
}

/** A figure as it would be at network time, where one second of the run stands for `scale` seconds. */
export function rescaled(figure: Figure, scale: number): number | null {
  if (figure.value === null) return null;
  if (figure.kind === "seconds") return figure.value * scale;
  return figure.kind === "rate" ? figure.value / scale : figure.value;
}

/** The main figures in `results` (tables by query name); those of queries that did not run are left out. */
export function mainFigures(frame: Frame, results: ReadonlyMap<string, Table>): Figure[] {
  const { window, peers } = frame;
  const plain = { kind: "plain", unit: "", basis: "" } as const;
  const figures: Figure[] = [
    { ...plain, label: "Peers connected and subscribed", value: peers, published: PUBLISHED.peers },
    {
      label: "Window",
      kind: "seconds",
      value: (window.to - window.from) / 1e6,
      published: PUBLISHED.hours * 3600,
      unit: "span",
      basis: "",
    },
  ];
  for (const spec of specs as readonly Spec[]) {
    const table = results.get(spec.query);
    if (table) figures.push(figureOf(spec, table, peers));
  }
  const nodes = results.get("node_announcements");
  if (nodes) {
    const shares = columnValues(nodes, "cumulative_percent");
    figures.push({
      ...plain,
      label: "Announcements from the busiest 1 % of nodes",
      value: asNumber(shares[Math.ceil(shares.length / 100) - 1] ?? null),
      published: PUBLISHED.percent_from_top_1_percent.node,
      unit: "%",
      basis: formatPlural(shares.length, "node"),
    });
  }
  return figures;
}

function figureOf(spec: Spec, table: Table, peers: number): Figure {
  const { label, column, where = ["summary_type", "all"], kind = "plain", basis = "" } = spec;
  const row = columnValues(table, where[0]).indexOf(where[1]);
  const cell = (name: string) => row < 0 ? null : asNumber(columnValues(table, name)[row]);
  const published = spec.published === undefined ? null : lookUp(PUBLISHED, spec.published);
  const ofPeers = spec.unit === "% of peers";
  return {
    label,
    kind: kind as Figure["kind"],
    value: ofPeers ? percent(cell(column), peers) : cell(column),
    published: ofPeers ? percent(published, PUBLISHED.peers) : published,
    unit: ofPeers ? "%" : spec.unit ?? "",
    basis: basis.replaceAll(/\{(\w+)\}/g, (_, name) => formatNumber(cell(name) ?? 0)),
  };
}

function lookUp(values: unknown, keys: readonly string[]): number {
  return keys.reduce((inner, key) => (inner as Record<string, unknown>)[key], values) as number;
}

function asNumber(value: Cell): number | null {
  return typeof value === "number" ? value : null;
}

function percent(part: number | null, whole: number): number | null {
  return part === null || whole === 0 ? null : 100 * part / whole;
}
