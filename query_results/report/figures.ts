import type { Frame } from "../archive/frame.ts";
import { PUBLISHED } from "./reference.ts";
import { type Cell, columnValues, type Table } from "../format/table.ts";

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
    figure("Peers connected and subscribed", "plain", frame.peers, PUBLISHED.peers),
    figure("Window", "seconds", (window.to - window.from) / 1e6, PUBLISHED.hours * 3600, "span"),
    ...totals(results.get("message_totals"), frame.peers),
    ...shares(results.get("share_by_type")),
    ...sizes(results.get("message_sizes")),
    ...delays(results.get("convergence_delay")),
    ...concentration(results),
  ];
}

function totals(table: Table | undefined, peers: number): Figure[] {
  if (!table) return [];
  const all = (column: string) => lookUp(table, "summary_type", "all", column);
  return [
    figure("Distinct messages", "plain", all("unique_messages"), PUBLISHED.unique_messages),
    figure("Receipts", "plain", all("receipts"), PUBLISHED.receipts),
    figure("Repeats among them", "plain", all("repeats"), null),
    figure("Peers per message", "plain", all("peers_per_message"), PUBLISHED.peers_per_message),
    figure(
      "Peers per message, of all",
      "plain",
      percent(all("peers_per_message"), peers),
      percent(PUBLISHED.peers_per_message, PUBLISHED.peers),
      "%",
    ),
    figure(
      "Distinct messages per minute",
      "rate",
      all("unique_messages_per_minute"),
      PUBLISHED.unique_messages_per_minute,
    ),
  ];
}

function shares(table: Table | undefined): Figure[] {
  if (!table) return [];
  return TYPES.map((type) =>
    figure(
      `Messages that are ${type}`,
      "plain",
      lookUp(table, "type_name", type, "percentage_of_total"),
      PUBLISHED.percent_by_type[type],
      "%",
    )
  );
}

function sizes(table: Table | undefined): Figure[] {
  if (!table) return [];
  const all = (column: string) => lookUp(table, "summary_type", "all", column);
  const { average_size, receipts_per_peer_second, bytes_per_peer_second } = PUBLISHED;
  return [
    figure("Bytes per message", "plain", all("avg_size"), average_size, "B"),
    figure(
      "Receipts per second and peer",
      "rate",
      all("receipts_per_peer_second"),
      receipts_per_peer_second,
    ),
    figure(
      "Bytes per second and peer",
      "rate",
      all("bytes_per_peer_second"),
      bytes_per_peer_second,
      "B",
    ),
  ];
}

function delays(table: Table | undefined): Figure[] {
  if (!table) return [];
  const all = (column: string) => lookUp(table, "summary_type", "all", column);
  return [
    figure(
      "Messages that reached the cut-off",
      "plain",
      all("message_count"),
      PUBLISHED.messages_reached,
    ),
    ...QUANTILES.map((percent) =>
      figure(
        `Delay to ${percent} % of a message's peers`,
        "seconds",
        all(`avg_delay_to_${percent.replace(".", "_")}pct`),
        PUBLISHED.average_delay_seconds[percent],
        "s",
      )
    ),
  ];
}

function concentration(results: ReadonlyMap<string, Table>): Figure[] {
  const { scid, node } = PUBLISHED.percent_from_top_1_percent;
  const figures: Figure[] = [];
  const summary = results.get("scid_summary");
  if (summary) {
    const share = lookUp(summary, "metric", "Updates from the top 1 %, in %", "value");
    figures.push(figure("Updates from the busiest 1 % of channels", "plain", share, scid, "%"));
  }
  const nodes = results.get("node_announcements");
  if (nodes) {
    const rows = columnValues(nodes, "cumulative_percent");
    const share = rows[Math.ceil(rows.length / 100) - 1] ?? null;
    figures.push(
      figure("Announcements from the busiest 1 % of nodes", "plain", asNumber(share), node, "%"),
    );
  }
  return figures;
}

function figure(
  label: string,
  kind: FigureKind,
  value: number | null,
  published: number | null,
  unit = "",
): Figure {
  return { label, kind, value, published, unit };
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
