// An answer for a terminal: the sentence, then a compact table. Pure.

import { printable } from "../../shared/text.ts";
import { formatDuration, formatInstant, formatNumber, formatPlural } from "../format/numbers.ts";
import { alignedText } from "../format/table.ts";
import type { Answer, MessageLine, PeerState } from "./answer.ts";
import { SPREAD_RULES } from "./judge.ts";

const SHOWN_PERCENTS = [5, 25, 50, 75, 95];
const SHOWN_PEERS = 3;

/** The rows of the compact table, name and text. */
export function answerRows(answer: Answer): [name: string, text: string][] {
  const { message, collectors, curve, compared, of_day: ofDay } = answer;
  const seconds = (value: number | null) => value === null ? "–" : formatDuration(round(value));
  const shown = curve.filter(({ percent }) => SHOWN_PERCENTS.includes(percent));
  const uncertain = answer.uncertainty_seconds;
  return [
    ["of", subjectText(answer)],
    [
      "message",
      [
        message.sha256,
        message.type + (message.direction === null ? "" : `, direction ${message.direction}`),
        ...message.channel === null || answer.kind === "channel" ? [] : [message.channel],
        `${formatNumber(message.size)} B`,
        message.verdict,
      ].join(" · "),
    ],
    [
      "first seen",
      `${formatInstant(message.first_seen)} UTC by ${collectors.at(0)?.name ?? "nobody"}` +
      (answer.first_from.length === 0 ? "" : ` from ${answer.first_from[0]}`),
    ],
    ["spread", `${message.spread}: ${SPREAD_RULES[message.spread]}`],
    ["had by", shown.map((point) => `${point.percent} % ${seconds(point.seconds)}`).join(" · ")],
    [
      "that day's",
      compared === 0
        ? "nothing to compare with"
        : shown.map(({ percent, day_50: day }) => `${percent} % ${seconds(day)}`).join(" · ") +
          ` (medians of ${formatNumber(compared)} of ${formatNumber(ofDay)})`,
    ],
    ...wholeDayRows(answer),
    [
      "clocks",
      uncertain === null
        ? "delays unknown: a clock was never measured"
        : collectors.length < 2
        ? "one clock" +
          (uncertain === 0 ? "" : `; stalls may delay stamps by up to ${formatDuration(uncertain)}`)
        : `delays known to ${formatDuration(uncertain)}`,
    ],
    ...(["never", "left before", "as backlog"] as const).flatMap((state) =>
      peersRow(answer, state)
    ),
    ["repeats", formatPlural(answer.repeats, "receipt")],
    ["superseded", reference(message.superseded_by, "by") ?? "not in this archive"],
    ["re-signed", reference(message.resigned_from, "same content as") ?? "no, its content is new"],
    ...answer.notes.map((note): [string, string] => ["note", note]),
  ];
}

/** Delays of the peers that sent it, beside all messages of its type that day. */
function wholeDayRows({ whole_day: day }: Answer): [string, string][] {
  if (day === null) return [];
  const line = (of: "seconds" | "day_50") =>
    day.curve.map((point) => {
      const seconds = point[of];
      return `${point.percent} % ${seconds === null ? "–" : formatDuration(round(seconds))}`;
    }).join(" · ");
  const all = `${formatNumber(day.messages)}, ${formatNumber(day.reached_half)} reached half`;
  return [["of senders", line("seconds")], [
    "whole day's",
    `${line("day_50")} (medians of ${all})`,
  ]];
}

function peersRow({ peers }: Answer, state: PeerState): [string, string][] {
  const those = peers.filter((peer) => peer.state === state);
  if (those.length === 0) return [];
  const ids = those.slice(0, SHOWN_PEERS).map(({ node_id: id }) => `${id.slice(0, 16)}…`);
  const more = those.length > SHOWN_PEERS ? ", …" : "";
  return [[STATES[state], `${formatPlural(those.length, "peer")}: ${ids.join(", ")}${more}`]];
}

/** What the states of peers are called. */
export const STATES: Readonly<Record<PeerState, string>> = {
  delivered: "sent it",
  "as backlog": "as backlog",
  "left before": "left",
  never: "never sent",
};

function reference(
  other: { readonly sha256: string; readonly at: number } | null,
  how: string,
): string | null {
  return other === null
    ? null
    : `${how} ${other.sha256.slice(0, 16)}… of ${formatInstant(other.at)}`;
}

/** The subject in words, an alias made harmless. */
export function subjectText({ subject, alias, nodes }: Answer): string {
  const name = alias === null || alias === "" ? "" : ` "${printable(alias)}"`;
  return subject + name + (nodes === null ? "" : ` between ${nodes.join(" and ")}`);
}

/** Cells of the subject's latest messages, the heads first. */
export function latestRows({ latest, kind }: Answer): string[][] {
  const isNode = kind === "node";
  const cells = (line: MessageLine) => [
    formatInstant(line.first_seen),
    line.type + (line.direction === null ? "" : ` ${line.direction}`),
    ...isNode ? [line.channel ?? ""] : [],
    `${formatNumber(line.reached)} of ${formatNumber(line.subscribed)}`,
    line.half_seconds === null ? "–" : formatDuration(round(line.half_seconds)),
    line.spread + (line.is_backlog ? ", backlog" : ""),
    line.verdict,
    [
      ...line.superseded_by === null ? [] : ["superseded"],
      ...line.resigned_from === null ? [] : ["re-signed"],
    ].join(", "),
    line.sha256.slice(0, 12),
  ];
  const heads = ["first seen (UTC)", "type", ...isNode ? ["channel"] : [], "peers", "half after"];
  return [[...heads, "spread", "verdict", "notes", "SHA-256"], ...latest.map(cells)];
}

/** Cells of the collectors, the heads first. */
export function collectorRows({ collectors }: Answer): string[][] {
  const text = (seconds: number | null) => seconds === null ? "unknown" : formatDuration(seconds);
  return [
    ["collector", "first heard (UTC)", "peers", "receipts", "repeats", "clock offset known to"],
    ...collectors.map((line) => [
      printable(line.name, 40),
      formatInstant(line.first_heard),
      ...[line.peers, line.receipts, line.repeats].map(formatNumber),
      text(line.uncertainty_seconds),
    ]),
  ];
}

/** The whole answer as text. */
export function answerText(answer: Answer): string {
  const rows = answerRows(answer);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    answer.sentence,
    "",
    ...rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`),
    "",
    ...alignedText(collectorRows(answer)),
    "",
    ...alignedText(latestRows(answer)),
  ].join("\n");
}

/** Three significant digits. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}
