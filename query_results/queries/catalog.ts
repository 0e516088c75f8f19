/**
 * All queries, in the order of the report.
 *
 * @module
 */
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { parseQuery, type Query } from "../query.ts";

import definitions from "./definitions.sql" with { type: "text" };
import convergenceDelay from "./convergence_delay.sql" with { type: "text" };
import convergenceDelayChart from "./convergence_delay.chart.json" with { type: "json" };
import delayDistribution from "./delay_distribution.sql" with { type: "text" };
import delayDistributionChart from "./delay_distribution.chart.json" with { type: "json" };
import messageTotals from "./message_totals.sql" with { type: "text" };
import messageTotalsChart from "./message_totals.chart.json" with { type: "json" };
import messageRates from "./message_rates.sql" with { type: "text" };
import messageRatesChart from "./message_rates.chart.json" with { type: "json" };
import shareByType from "./share_by_type.sql" with { type: "text" };
import shareByTypeChart from "./share_by_type.chart.json" with { type: "json" };
import messageSizes from "./message_sizes.sql" with { type: "text" };
import messageSizesChart from "./message_sizes.chart.json" with { type: "json" };
import peersPerMessage from "./peers_per_message.sql" with { type: "text" };
import peersPerMessageChart from "./peers_per_message.chart.json" with { type: "json" };
import repeatsPerPeer from "./repeats_per_peer.sql" with { type: "text" };
import repeatsPerPeerChart from "./repeats_per_peer.chart.json" with { type: "json" };
import scidSummary from "./scid_summary.sql" with { type: "text" };
import scidSummaryChart from "./scid_summary.chart.json" with { type: "json" };
import scidUpdates from "./scid_updates.sql" with { type: "text" };
import scidUpdatesChart from "./scid_updates.chart.json" with { type: "json" };
import nodeAnnouncements from "./node_announcements.sql" with { type: "text" };
import nodeAnnouncementsChart from "./node_announcements.chart.json" with { type: "json" };
import activePeers from "./active_peers.sql" with { type: "text" };
import activePeersChart from "./active_peers.chart.json" with { type: "json" };
import sessions from "./sessions.sql" with { type: "text" };
import sessionsChart from "./sessions.chart.json" with { type: "json" };
import sessionEnds from "./session_ends.sql" with { type: "text" };
import sessionEndsChart from "./session_ends.chart.json" with { type: "json" };
import roundTrips from "./round_trips.sql" with { type: "text" };
import roundTripsChart from "./round_trips.chart.json" with { type: "json" };
import dialOutcomes from "./dial_outcomes.sql" with { type: "text" };
import dialOutcomesChart from "./dial_outcomes.chart.json" with { type: "json" };
import signatureVerdicts from "./signature_verdicts.sql" with { type: "text" };
import signatureVerdictsChart from "./signature_verdicts.chart.json" with { type: "json" };
import collectorRuns from "./collector_runs.sql" with { type: "text" };
import collectorRunsChart from "./collector_runs.chart.json" with { type: "json" };
import gaps from "./gaps.sql" with { type: "text" };
import gapsChart from "./gaps.chart.json" with { type: "json" };
import clockOffsets from "./clock_offsets.sql" with { type: "text" };
import clockOffsetsChart from "./clock_offsets.chart.json" with { type: "json" };
import trendDelay from "./trend_delay.sql" with { type: "text" };
import trendDelayChart from "./trend_delay.chart.json" with { type: "json" };
import trendMessages from "./trend_messages.sql" with { type: "text" };
import trendMessagesChart from "./trend_messages.chart.json" with { type: "json" };
import trendPeers from "./trend_peers.sql" with { type: "text" };
import trendPeersChart from "./trend_peers.chart.json" with { type: "json" };
import trendHealth from "./trend_health.sql" with { type: "text" };
import trendHealthChart from "./trend_health.chart.json" with { type: "json" };

/** Macros that the queries share; run once on the reading connection. */
export const DEFINITIONS: string = definitions;

/** What the frame's rows are called among kept results, beside the queries' names. */
export const FRAME = "frame";

/** The kept results that the trends are made of. */
export const TREND_SOURCES: readonly string[] = [FRAME, "convergence_delay", "message_totals"];

/** Queries that belong together. */
export interface Section {
  /** Its heading. */
  readonly title: string;
  /** In order. */
  readonly queries: readonly Query[];
  /** In the report only those that have rows: there are some only where runs were scheduled. */
  readonly onlyWithRows?: true;
}

/** The report's sections. */
export const SECTIONS: readonly Section[] = [
  {
    title: "Delay",
    queries: [
      parseQuery("convergence_delay", convergenceDelay, convergenceDelayChart),
      parseQuery("delay_distribution", delayDistribution, delayDistributionChart),
    ],
  },
  {
    title: "Traffic",
    queries: [
      parseQuery("message_totals", messageTotals, messageTotalsChart),
      parseQuery("message_rates", messageRates, messageRatesChart),
      parseQuery("share_by_type", shareByType, shareByTypeChart),
      parseQuery("message_sizes", messageSizes, messageSizesChart),
    ],
  },
  {
    title: "Reach",
    queries: [
      parseQuery("peers_per_message", peersPerMessage, peersPerMessageChart),
      parseQuery("repeats_per_peer", repeatsPerPeer, repeatsPerPeerChart),
    ],
  },
  {
    title: "Churn",
    queries: [
      parseQuery("scid_summary", scidSummary, scidSummaryChart),
      parseQuery("scid_updates", scidUpdates, scidUpdatesChart),
      parseQuery("node_announcements", nodeAnnouncements, nodeAnnouncementsChart),
    ],
  },
  {
    title: "Peers",
    queries: [
      parseQuery("active_peers", activePeers, activePeersChart),
      parseQuery("sessions", sessions, sessionsChart),
      parseQuery("session_ends", sessionEnds, sessionEndsChart),
      parseQuery("round_trips", roundTrips, roundTripsChart),
      parseQuery("dial_outcomes", dialOutcomes, dialOutcomesChart),
    ],
  },
  {
    title: "Trust in the data",
    queries: [
      parseQuery("signature_verdicts", signatureVerdicts, signatureVerdictsChart),
      parseQuery("collector_runs", collectorRuns, collectorRunsChart),
      parseQuery("gaps", gaps, gapsChart),
      parseQuery("clock_offsets", clockOffsets, clockOffsetsChart),
    ],
  },
  // The last: a scheduled run's trends take in its own results.
  {
    title: "Trends",
    queries: [
      parseQuery("trend_delay", trendDelay, trendDelayChart),
      parseQuery("trend_messages", trendMessages, trendMessagesChart),
      parseQuery("trend_peers", trendPeers, trendPeersChart),
      parseQuery("trend_health", trendHealth, trendHealthChart),
    ],
    onlyWithRows: true,
  },
];

/** All queries of all sections. */
export const QUERIES: readonly Query[] = SECTIONS.flatMap((section) => section.queries);

/**
 * The queries of these names, in the order of the report; all when `only` is absent.
 *
 * @throws {UserError} naming those that do not exist.
 */
export function selectQueries(only?: readonly string[]): Query[] {
  const unknown = (only ?? []).filter((name) => !QUERIES.some((query) => query.name === name));
  if (unknown.length > 0) {
    throw new UserError(
      `There is no query ${unknown.map((name) => printable(name, 40)).join(", ")}; ` +
        `there are ${QUERIES.map((query) => query.name).join(", ")}`,
    );
  }
  return QUERIES.filter((query) => !only || only.includes(query.name));
}
