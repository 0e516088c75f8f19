import type { Frame } from "../archive/frame.ts";
import { formatNumber, formatPlural } from "../format/numbers.ts";
import { type Cell, columnValues, type Table } from "../format/table.ts";
import { PUBLISHED } from "./reference.ts";

export type FigureKind = "plain" | "seconds" | "rate";

export interface Figure {
  readonly label: string;
  /** Whether it grows or shrinks with the time scale. */
  readonly kind: FigureKind;
  /** Null when unknown, as when its query found nothing. */
  readonly value: number | null;
  readonly published: number | null;
  /** After the number: `%`, `B`, `s` or nothing; `span` is seconds in the unit that suits. */
  readonly unit: string;
  /** What it rests on, e.g. `8 of 363 messages`; empty for a plain count. */
  readonly basis: string;
}

/** A figure as it would be at network time, where one second of the run stands for `scale` seconds. */
export function rescaled(figure: Figure, scale: number): number | null {
  if (figure.value === null) return null;
  if (figure.kind === "seconds") return figure.value * scale;
  return figure.kind === "rate" ? figure.value / scale : figure.value;
}

const QUANTILES = ["0.1", "5", "25", "50", "75", "95", "99.9"] as const;
const TYPES = ["channel_update", "node_announcement", "channel_announcement"] as const;

/** The main figures in `results` (tables by query name); those of queries that did not run are left out. */
export function mainFigures(frame: Frame, results: ReadonlyMap<string, Table>): Figure[] {
  const { window } = frame;
  return [
    figure("Peers connected and subscribed", frame.peers, PUBLISHED.peers),
    figure("Window", (window.to - window.from) / 1e6, PUBLISHED.hours * 3600, {
      kind: "seconds",
      unit: "span",
    }),
    ...totals(results.get("message_totals"), frame.peers),
    ...shares(results.get("share_by_type")),
    ...sizes(results.get("message_sizes"), frame),
    ...delays(results.get("convergence_delay")),
    ...concentration(results),
  ];
}

function totals(table: Table | undefined, peers: number): Figure[] {
  if (!table) return [];
  const all = (column: string) => lookUp(table, "summary_type", "all", column);
  const perMessage = all("peers_per_message");
  const basis = countOf(all("unique_messages"), "message");
  const ofAll = percent(PUBLISHED.peers_per_message, PUBLISHED.peers);
  return [
    figure("Distinct messages", all("unique_messages"), PUBLISHED.unique_messages),
    figure("Receipts", all("receipts"), PUBLISHED.receipts),
    figure("Repeats among them", all("repeats"), null),
    figure("Peers per message", perMessage, PUBLISHED.peers_per_message, { basis }),
    figure("Peers per message, of all", percent(perMessage, peers), ofAll, { unit: "%", basis }),
    figure(
      "Distinct messages per minute",
      all("unique_messages_per_minute"),
      PUBLISHED.unique_messages_per_minute,
      { kind: "rate", basis },
    ),
  ];
}

function shares(table: Table | undefined): Figure[] {
  if (!table) return [];
  const all = columnValues(table, "unique_count").reduce((sum: number, n) => sum + Number(n), 0);
  return TYPES.map((type) => {
    const of = (column: string) => lookUp(table, "type_name", type, column);
    return figure(
      `Messages that are ${type}`,
      of("percentage_of_total"),
      PUBLISHED.percent_by_type[type],
      {
        unit: "%",
        basis: `${formatNumber(of("unique_count") ?? 0)} of ${countOf(all, "message")}`,
      },
    );
  });
}

function sizes(table: Table | undefined, { receipts, peersMean }: Frame): Figure[] {
  if (!table) return [];
  const all = (column: string) => lookUp(table, "summary_type", "all", column);
  const { average_size, receipts_per_peer_second, bytes_per_peer_second } = PUBLISHED;
  const basis = `${countOf(receipts, "receipt")}, ${formatNumber(peersMean)} peers at once`;
  return [
    figure("Bytes per message", all("avg_size"), average_size, {
      unit: "B",
      basis: countOf(all("unique_messages"), "message"),
    }),
    figure(
      "Receipts per second and peer",
      all("receipts_per_peer_second"),
      receipts_per_peer_second,
      { kind: "rate", basis },
    ),
    figure("Bytes per second and peer", all("bytes_per_peer_second"), bytes_per_peer_second, {
      kind: "rate",
      unit: "B",
      basis,
    }),
  ];
}

function delays(table: Table | undefined): Figure[] {
  if (!table) return [];
  const all = (column: string) => lookUp(table, "summary_type", "all", column);
  const reached = all("message_count");
  const basis = `${formatNumber(reached ?? 0)} of ${countOf(all("messages_seen"), "message")}`;
  return [
    figure("Messages that reached the cut-off", reached, PUBLISHED.messages_reached, {
      basis: `of ${countOf(all("messages_seen"), "message")}`,
    }),
    ...QUANTILES.map((percent) =>
      figure(
        `Delay to ${percent} % of a message's peers`,
        all(`avg_delay_to_${percent.replace(".", "_")}pct`),
        PUBLISHED.average_delay_seconds[percent],
        { kind: "seconds", unit: "s", basis },
      )
    ),
  ];
}

function concentration(results: ReadonlyMap<string, Table>): Figure[] {
  const { scid, node } = PUBLISHED.percent_from_top_1_percent;
  const figures: Figure[] = [];
  const summary = results.get("scid_summary");
  if (summary) {
    const of = (metric: string) => lookUp(summary, "metric", metric, "value");
    const basis = countOf(of("Total SCIDs"), "channel");
    const share = of("Updates from the top 1 %, in %");
    figures.push(
      figure("Updates from the busiest 1 % of channels", share, scid, { unit: "%", basis }),
    );
  }
  const nodes = results.get("node_announcements");
  if (nodes) {
    const rows = columnValues(nodes, "cumulative_percent");
    const share = asNumber(rows[Math.ceil(rows.length / 100) - 1] ?? null);
    const basis = countOf(rows.length, "node");
    figures.push(
      figure("Announcements from the busiest 1 % of nodes", share, node, { unit: "%", basis }),
    );
  }
  return figures;
}

function figure(
  label: string,
  value: number | null,
  published: number | null,
  { kind = "plain", unit = "", basis = "" }: Partial<Figure> = {},
): Figure {
  return { label, kind, value, published, unit, basis };
}

function countOf(count: number | null, noun: string): string {
  return formatPlural(count ?? 0, noun);
}

/** The value of `column` in the row whose `key` is `word`. */
function lookUp(table: Table, key: string, word: string, column: string): number | null {
  const row = columnValues(table, key).indexOf(word);
  return row < 0 ? null : asNumber(columnValues(table, column)[row]);
}

function asNumber(value: Cell): number | null {
  return typeof value === "number" ? value : null;
}

function percent(part: number | null, whole: number): number | null {
  return part === null || whole === 0 ? null : 100 * part / whole;
}
