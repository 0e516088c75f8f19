import {
  formatDuration,
  formatInstant,
  formatNumber,
  formatPlural,
  shortName,
} from "../format/numbers.ts";
import type { Frame } from "../archive/frame.ts";
import type { UsedParameter } from "../catalog/parameters.ts";

/** Collectors named in a caption; the rest are counted. */
const MAX_NAMES = 6;

/** The window in words. */
export function windowText({ window }: Frame): string {
  if (window.from === window.to) return "empty window";
  const length = formatDuration((window.to - window.from) / 1e6);
  return `${formatInstant(window.from)} to ${formatInstant(window.to)} UTC (${length})`;
}

/** The collectors in words. */
export function collectorsText({ collectors }: Frame): string {
  if (collectors.length === 0) return "no collectors";
  const names = collectors.slice(0, MAX_NAMES).map((name) => shortName(name)).join(", ");
  const more = collectors.length - MAX_NAMES;
  return `${collectors.length === 1 ? "collector" : "collectors"} ${names}` +
    (more > 0 ? ` and ${more} more` : "");
}

/** The peers connected and subscribed, in words. */
export function peersText({ peers, peersMost, peersMean, youngShare }: Frame): string {
  const young = formatNumber(Math.round(1000 * youngShare) / 10);
  return `${formatPlural(peers, "peer")} connected and subscribed ` +
    `(at most ${formatNumber(peersMost)} at once, ${formatNumber(peersMean)} on average; ` +
    `${young} % of peer time in the first 10 min of a session)`;
}

/** What is known to be missing, in words. */
export function missingText(frame: Frame): string {
  const parts = [
    frame.gaps === 0
      ? "no open gaps"
      : `${formatPlural(frame.gaps, "open gap")} of ${batches(frame.missingBatches)}`,
  ];
  if (frame.unresolvedReceipts > 0) {
    parts.push(`${formatPlural(frame.unresolvedReceipts, "receipt")} unresolved`);
  }
  if (frame.foldedReceipts > 0) {
    parts.push(`${formatPlural(frame.foldedReceipts, "receipt")} past all quotas, folded together`);
  }
  if (frame.deadLetters > 0) parts.push(`${batches(frame.deadLetters)} set aside unread`);
  return parts.join(", ");
}

/** How good the clocks were, and how long collectors were held up, in words. */
export function clocksText(frame: Frame): string {
  const parts = [agreementText(frame)];
  if (frame.ownOnly) parts.push("what other nodes' logs show is left out");
  for (const { name, kind, lateSeconds } of frame.secondHand ?? []) {
    const late = formatDuration(lateSeconds);
    parts.push(
      `receipts of ${shortName(name)} are second-hand (${kind}), their times up to ${late} late`,
    );
  }
  if (frame.movedClocks > 0) {
    parts.push(
      `${formatPlural(frame.movedClocks, "clock")} up to ${formatDuration(frame.movedSeconds)} ` +
        `off, all ${frame.movedClocks === 1 ? "its" : "their"} times corrected`,
    );
  }
  if (frame.tornClocks > 0) {
    const clocks = formatPlural(frame.tornClocks, "clock");
    parts.push(`WARNING: ${clocks} set back between two runs, times not correctable`);
  }
  if (frame.stalls > 0) {
    const stalls = formatPlural(frame.stalls, "stall");
    parts.push(`collectors held up ${formatDuration(frame.stalledSeconds)} in ${stalls}`);
  }
  return parts.join("; ");
}

function agreementText({ clocks }: Frame): string {
  if (clocks === null) return "one clock";
  const { count, measured, apartSeconds, uncertaintySeconds } = clocks;
  const all = formatPlural(count, "clock");
  if (measured < count || apartSeconds === null) {
    const unknown = measured === 0 ? "none" : formatNumber(count - measured);
    return `WARNING: ${all}, ${unknown} of them ${measured === 0 ? "" : "not "}measured: ` +
      "how far delays between collectors are off is unknown";
  }
  return `${all}, ${formatDuration(apartSeconds)} apart: delays between collectors are corrected` +
    (uncertaintySeconds === null ? "" : `, known to ${formatDuration(uncertaintySeconds)}`);
}

function batches(count: number): string {
  return `${formatNumber(count)} ${count === 1 ? "batch" : "batches"}`;
}

/** A used parameter in words, e.g. `reach_share = 0.5, share of …`. */
export function parameterText({ parameter, value, note }: UsedParameter): string {
  return `${parameter.name} = ${valueText(value)}, ${parameter.meaning}${note && ` (${note})`}`;
}

function valueText(value: UsedParameter["value"]): string {
  const isLong = typeof value === "number" && !Number.isInteger(value);
  return String(isLong ? Number(value.toPrecision(4)) : value);
}

/** The query and its settings, in one line. */
export function queryLine(query: string, parameters: readonly UsedParameter[]): string {
  const settings = parameters.map(({ parameter, value, note }) =>
    `${parameter.name} = ${valueText(value)}${note && ` (${note})`}`
  );
  return [`query ${query}`, ...settings].join(" · ");
}

/** The lines under a chart that stands alone. */
export function captionLines(
  query: string,
  frame: Frame,
  parameters: readonly UsedParameter[],
): string[] {
  return [
    queryLine(query, parameters),
    windowText(frame),
    `${collectorsText(frame)} · ${peersText(frame)}`,
    missingText(frame),
    clocksText(frame),
  ];
}

/** Why a query has no rows, and what to set to change that. */
export function emptyText(frame: Frame, parameters: readonly UsedParameter[]): string {
  const { receipts, warmupReceipts } = frame;
  if (receipts === 0) return "No rows: the window has no receipts.";
  const skipsBacklog = parameters.some(({ parameter, value }) =>
    parameter.name === "include_warmup" && value === false
  );
  if (!skipsBacklog || warmupReceipts === 0) return "No rows: nothing of this kind in the window.";
  const all = formatPlural(receipts, "receipt");
  return `No rows: ${formatNumber(warmupReceipts)} of ${all} are warm-up, ` +
    "and none is of a live message. Set include_warmup=true to count them, or gossip.warmup of " +
    "the collector to less than its sessions last.";
}
