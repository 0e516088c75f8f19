import type { ChartRow } from "../chart/theme.ts";
import published from "./reference_2025-09-26.json" with { type: "json" };

export interface Reference {
  /** Seconds of network time per second of this run: 1 on a real network, more in a time-compressed demo. */
  readonly scale: number;
}

/** The original observer's figures of 2025-09-26. Delays in seconds, shares in percent. */
export const PUBLISHED: typeof published = published;

/** How charts name the published run when its times are divided by `scale`. */
function referenceName({ scale }: Reference): string {
  return scale === 1 ? published.run : `${published.run}, times ÷ ${scale}`;
}

/** The rows of dataset `reference` in the chart of `query`; none where that run published nothing comparable. */
export function referenceRows(query: string, reference: Reference | undefined): ChartRow[] {
  if (!reference) return [];
  switch (query) {
    case "convergence_delay":
      return Object.entries(published.average_delay_seconds).map(([percent, seconds]) => ({
        summary_type: referenceName(reference),
        percent: Number(percent),
        delay_seconds: seconds / reference.scale,
      })).sort((a, b) => a.percent - b.percent);
    case "share_by_type":
      return Object.entries(published.percent_by_type).map(([type_name, percent], i) => ({
        share_of: `messages, ${published.run}`,
        type_name,
        percent,
        // Stacked in the order of this run's own bars: type numbers, descending.
        type: 258 - i,
      }));
    case "peers_per_message": {
      const { step, percent } = published.message_percent_by_peers_percent;
      return percent.map((share, i) => ({ run: published.run, from: i * step, percent: share }));
    }
    case "scid_summary":
      return [
        { run: published.run, top: "top 1 %", value: published.percent_from_top_1_percent.scid },
      ];
    default:
      return [];
  }
}
