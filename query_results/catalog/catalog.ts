/**
 * All queries, in the order of the report.
 *
 * @module
 */
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { parseQuery, type Query } from "./query.ts";

import definitions from "./definitions.sql" with { type: "text" };
import convergenceDelay from "../queries/convergence_delay.sql" with { type: "text" };
import convergenceDelayChart from "../queries/convergence_delay.chart.json" with { type: "json" };
import delayDistribution from "../queries/delay_distribution.sql" with { type: "text" };
import delayDistributionChart from "../queries/delay_distribution.chart.json" with { type: "json" };
import messageTotals from "../queries/message_totals.sql" with { type: "text" };
import messageTotalsChart from "../queries/message_totals.chart.json" with { type: "json" };
import messageRates from "../queries/message_rates.sql" with { type: "text" };
import messageRatesChart from "../queries/message_rates.chart.json" with { type: "json" };
import shareByType from "../queries/share_by_type.sql" with { type: "text" };
import shareByTypeChart from "../queries/share_by_type.chart.json" with { type: "json" };
import messageSizes from "../queries/message_sizes.sql" with { type: "text" };
import messageSizesChart from "../queries/message_sizes.chart.json" with { type: "json" };
import peersPerMessage from "../queries/peers_per_message.sql" with { type: "text" };
import peersPerMessageChart from "../queries/peers_per_message.chart.json" with { type: "json" };
import repeatsPerPeer from "../queries/repeats_per_peer.sql" with { type: "text" };
import repeatsPerPeerChart from "../queries/repeats_per_peer.chart.json" with { type: "json" };
import scidSummary from "../queries/scid_summary.sql" with { type: "text" };
import scidSummaryChart from "../queries/scid_summary.chart.json" with { type: "json" };
import scidUpdates from "../queries/scid_updates.sql" with { type: "text" };
import scidUpdatesChart from "../queries/scid_updates.chart.json" with { type: "json" };
import nodeAnnouncements from "../queries/node_announcements.sql" with { type: "text" };
import nodeAnnouncementsChart from "../queries/node_announcements.chart.json" with { type: "json" };
import activePeers from "../queries/active_peers.sql" with { type: "text" };
import activePeersChart from "../queries/active_peers.chart.json" with { type: "json" };
import sessions from "../queries/sessions.sql" with { type: "text" };
import sessionsChart from "../queries/sessions.chart.json" with { type: "json" };
import sessionEnds from "../queries/session_ends.sql" with { type: "text" };
import sessionEndsChart from "../queries/session_ends.chart.json" with { type: "json" };
import roundTrips from "../queries/round_trips.sql" with { type: "text" };
import roundTripsChart from "../queries/round_trips.chart.json" with { type: "json" };
import dialOutcomes from "../queries/dial_outcomes.sql" with { type: "text" };
import dialOutcomesChart from "../queries/dial_outcomes.chart.json" with { type: "json" };
import signatureVerdicts from "../queries/signature_verdicts.sql" with { type: "text" };
import signatureVerdictsChart from "../queries/signature_verdicts.chart.json" with { type: "json" };
import collectorRuns from "../queries/collector_runs.sql" with { type: "text" };
import collectorRunsChart from "../queries/collector_runs.chart.json" with { type: "json" };
import gaps from "../queries/gaps.sql" with { type: "text" };
import gapsChart from "../queries/gaps.chart.json" with { type: "json" };
import clockOffsets from "../queries/clock_offsets.sql" with { type: "text" };
import clockOffsetsChart from "../queries/clock_offsets.chart.json" with { type: "json" };
import trendDelay from "../queries/trend_delay.sql" with { type: "text" };
import trendDelayChart from "../queries/trend_delay.chart.json" with { type: "json" };
import trendMessages from "../queries/trend_messages.sql" with { type: "text" };
import trendMessagesChart from "../queries/trend_messages.chart.json" with { type: "json" };
import trendPeers from "../queries/trend_peers.sql" with { type: "text" };
import trendPeersChart from "../queries/trend_peers.chart.json" with { type: "json" };
import trendHealth from "../queries/trend_health.sql" with { type: "text" };
import trendHealthChart from "../queries/trend_health.chart.json" with { type: "json" };

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
