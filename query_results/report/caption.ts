import { formatDuration, formatInstant, formatNumber, formatPlural } from "../format/numbers.ts";
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
  const names = collectors.slice(0, MAX_NAMES).join(", ");
  const more = collectors.length - MAX_NAMES;
  return `${collectors.length === 1 ? "collector" : "collectors"} ${names}` +
    (more > 0 ? ` and ${more} more` : "");
}

/** The peers connected and subscribed in words. */
export function peersText({ peers, peersMost, peersMean }: Frame): string {
  return `${formatPlural(peers, "peer")} connected and subscribed ` +
    `(at most ${formatNumber(peersMost)} at once, ${formatNumber(peersMean)} on average)`;
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
  if (frame.deadLetters > 0) parts.push(`${batches(frame.deadLetters)} set aside unread`);
  return parts.join(", ");
}

/** How good the clocks were, in words. */
export function clocksText({ clocks }: Frame): string {
  if (clocks === null) return "one clock";
  const { count, measured, apartSeconds, uncertaintySeconds } = clocks;
  const all = formatPlural(count, "clock");
  if (measured < count || apartSeconds === null || uncertaintySeconds === null) {
    const unknown = measured === 0 ? "none" : formatNumber(count - measured);
    return `${all}, ${unknown} of them ${measured === 0 ? "" : "not "}measured: ` +
      "by how much delays between collectors are wrong is not known";
  }
  return `${all}, ${formatDuration(apartSeconds)} apart and each known to ` +
    `${formatDuration(uncertaintySeconds)}: set right in delays`;
}

function batches(count: number): string {
  return `${formatNumber(count)} ${count === 1 ? "batch" : "batches"}`;
}

/** A used parameter in words, e.g. `reach_share = 0.5, share of …`. */
export function parameterText({ parameter, value, note }: UsedParameter): string {
  return `${parameter.name} = ${value}, ${parameter.meaning}${note && ` (${note})`}`;
}

/** The lines under a chart. */
export function captionLines(
  query: string,
  frame: Frame,
  parameters: readonly UsedParameter[],
): string[] {
  const settings = parameters.map(({ parameter, value, note }) =>
    `${parameter.name} = ${value}${note && ` (${note})`}`
  );
  return [
    [`query ${query}`, ...settings].join(" · "),
    windowText(frame),
    `${collectorsText(frame)} · ${peersText(frame)}`,
    missingText(frame),
    clocksText(frame),
  ];
}
