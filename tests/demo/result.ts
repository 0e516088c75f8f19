/**
 * The demo's result in words: the main figures beside the real run's, faults, and the last line. Pure.
 *
 * @module
 */
import { type Figure, rescaled } from "../../query_results/figures.ts";
import { PUBLISHED } from "../../query_results/reference.ts";
import { isFaithful } from "./compare.ts";
import { columns, grouped } from "./display.ts";
import type { DemoResult } from "./run.ts";

/** All that is printed above the last line. */
export function resultLines(result: DemoResult): string[] {
  return [...figureTable(result), "", ...summary(result)];
}

/** The line that scripts read. */
export function lastLine(
  { comparison, seconds }: DemoResult,
  names: { readonly peers: number; readonly archive: string; readonly report: string },
): string {
  const { messages, sent, archived, lost, duplicated } = comparison;
  const fields = {
    peers: names.peers,
    messages,
    receipts_sent: sent,
    receipts_archived: archived,
    lost,
    duplicated,
    seconds: seconds.toFixed(1),
    archive: names.archive,
    report: names.report,
  };
  return `demo: ${Object.entries(fields).map(([name, value]) => `${name}=${value}`).join(" ")}`;
}

function figureTable({ queried, compression }: DemoResult): string[] {
  const head = ["", "this run", "at network time", PUBLISHED.run];
  const rows = queried.figures.map((figure) => [
    figure.label,
    written(figure, figure.value),
    figure.kind === "plain" ? "" : written(figure, rescaled(figure, compression)),
    written(figure, figure.published),
  ]);
  return columns([head, ...rows]);
}

function written({ unit }: Figure, value: number | null): string {
  if (value === null) return "–";
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  const text = Number.isInteger(value) || digits === 0 ? grouped(value) : value.toFixed(digits);
  return unit === "" ? text : `${text} ${unit}`;
}

function summary({ comparison, sent, archiveBytes }: DemoResult): string[] {
  const lines: string[] = [];
  const { archived } = comparison;
  if (isFaithful(comparison)) {
    lines.push(
      `All ${grouped(archived)} receipts are in the archive once each, every byte as sent ` +
        `(${(archiveBytes / 1e6).toFixed(1)} MB).`,
    );
  } else {
    const { lost, duplicated, differing, examples } = comparison;
    lines.push(
      `The archive is not what was sent: ${lost} lost, ${duplicated} duplicated, ${differing} messages differ.`,
      ...examples.map((example) => `  ${example}`),
    );
  }
  if (sent.skipped > 0) {
    lines.push(`${grouped(sent.skipped)} deliveries were not sent: their peer was not connected.`);
  }
  if (sent.uncertain > 0) {
    lines.push(`${grouped(sent.uncertain)} were being written when their connection broke.`);
  }
  if (sent.forwarded > 0) {
    lines.push(`The collector forwarded ${sent.forwarded} messages: it never should.`);
  }
  lines.push(...sent.failures.map((failure) => `  ${failure}`));
  return lines;
}
