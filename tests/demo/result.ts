// The demo's result in words: the main figures beside the real run's, faults, and the last line. Pure.

import { figureColumns } from "../../query_results/report/summary.ts";
import { isFaithful } from "./compare.ts";
import { grouped } from "../../shared/text.ts";
import { columns } from "./display.ts";
import type { DemoResult } from "./run.ts";

/** Less than this is lost among the network's own delays. */
const NOTABLE_LAG_SECONDS = 0.5;

/** All that is printed above the last line. */
export function resultLines(result: DemoResult): string[] {
  const { sentences } = result.queried.opening;
  return [...sentences, "", ...figureTable(result), "", ...summary(result)];
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
  const cells = figureColumns({ scale: compression });
  const head = ["", ...cells.map(({ head }) => head)];
  const rows = queried.figures.map((figure) => [
    figure.label,
    ...cells.map(({ text }) => text(figure)),
  ]);
  const bases = ["Rests on", ...queried.figures.map(({ basis }) => basis)];
  return columns([head, ...rows]).map((line, i) => bases[i] === "" ? line : `${line}  ${bases[i]}`);
}

function summary({ comparison, sent, archiveBytes, compression }: DemoResult): string[] {
  const lines: string[] = [];
  const { archived } = comparison;
  if (isFaithful(comparison)) {
    lines.push(
      `All ${grouped(archived)} receipts are in the archive once each, every byte as sent ` +
        `(${(archiveBytes / 1e6).toFixed(1)} MB).`,
    );
    if (comparison.folded > 0) {
      lines.push(`${grouped(comparison.folded)} of them are past all quotas, and folded together.`);
    }
  } else {
    const { lost, duplicated, differing, examples } = comparison;
    lines.push(
      `The archive is not what was sent: ${lost} lost, ${duplicated} duplicated, ${differing} messages differ.`,
      ...examples.map((example) => `  ${example}`),
    );
  }
  const lag = sent.worst_lag_seconds;
  if (lag > NOTABLE_LAG_SECONDS) {
    lines.push(
      `This machine was busy: messages left up to ${lag.toFixed(1)} s late (${
        Math.round(lag * compression)
      } s of network time), which lengthens the delays above.`,
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
