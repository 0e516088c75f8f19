// The archiver's metrics in Prometheus' text format.

import { dirname } from "node:path";
import { Metrics } from "../../shared/metrics.ts";
import { freeBytes } from "../analytics/window_copy.ts";
import { daysStatus } from "../days/status.ts";
import type { SetStatus } from "../analytics/status.ts";
import type { Feed } from "./page/feed.ts";
import { readHeld } from "./page/survey.ts";
import type { PostgresSource } from "../postgres/counters.ts";
import { readCollectors, type StatusSources } from "../status/status.ts";

/** Makes the metrics. */
export function createMetrics(
  sources: StatusSources & {
    readonly feed: Pick<Feed, "viewers" | "refused" | "dropped">;
    readonly postgres?: PostgresSource | null;
  },
): Pick<Metrics, "contentType" | "text"> {
  const metrics = new Metrics("gossip_archiver_");
  const { counters, intake, jetStream, store, days, analytics, feed, postgres, quack } = sources;
  const perSet = (value: (set: SetStatus) => number) => () =>
    Object.fromEntries(analytics.status().sets.map((set) => [set.name, value(set)]));
  metrics.counters({
    receipts: ["Receipts committed since the start", () => counters.receipts],
    batches: ["Batches committed since the start", () => counters.batches],
    duplicate_batches: ["Batches that were already in the archive", () => counters.duplicates],
    dead_letters: ["Payloads set aside", () => counters.deadLetters],
    set_aside: [
      "Payloads set aside since the start, by reason",
      () => intake.status().setAside,
      "reason",
    ],
    commits: ["Commits since the start", () => counters.commits],
    commit_seconds: ["Time spent in commits since the start", () => counters.commitMs / 1000],
    rollover_failures: ["Failed rollovers since the start", () => days.progress().failures],
    rollover_files: [
      "Day files since the start, by action",
      () => days.progress().counts,
      "action",
    ],
    analytics_runs: ["Successful scheduled runs since the start", perSet((set) => set.runs), "set"],
    analytics_failures: [
      "Failed scheduled runs since the start",
      perSet((set) => set.failures),
      "set",
    ],
    analytics_seconds: [
      "Time spent in scheduled runs since the start",
      perSet((set) => set.seconds),
      "set",
    ],
    viewers_refused: ["Viewers refused since the start", () => feed.refused],
    viewers_dropped: ["Viewers dropped since the start: too slow", () => feed.dropped],
  });
  metrics.gauges({
    intake_batches: ["Batches waiting for their commit", () => intake.status().batches],
    intake_bytes: ["Bytes of batches waiting for their commit", () => intake.status().bytes],
    failing: ["1 while commits fail", () => Number(intake.status().failure !== null)],
    rollover_failing: [
      "1 while days do not roll over",
      () => Number(days.progress().failure !== null),
    ],
    rollover_timestamp_seconds: [
      "When days last rolled over, since the Unix epoch; 0 before the first time",
      () => (days.progress().lastAt ?? 0) / 1e6,
    ],
    analytics_halted: [
      "1 when nothing runs until the archiver restarts",
      () => Number(analytics.status().halted !== null),
    ],
    analytics_missed: [
      "Windows that were missed and will not be run",
      () => analytics.status().sets.reduce((sum, { missed }) => sum + missed.length, 0),
    ],
    viewers: ["Viewers of the live page", () => feed.viewers],
  });
  if (jetStream) {
    metrics.gauges({
      nats_connected: [
        "1 while connected to a NATS server",
        () => Number(jetStream.status().server !== null),
      ],
      nats_stalled: [
        "1 while no batches come from NATS: unreachable, or a consumer that delivers nothing",
        () => Number(jetStream.status().problem !== null),
      ],
    });
  }
  if (quack) {
    const help = "Statements of DuckDB clients under way, as of the last 10 s";
    metrics.gauges({ quack_statements: [help, () => quack.status().statements] });
  }
  if (postgres) {
    const { counters: own } = postgres;
    const status = () => postgres.status();
    metrics.gauges({
      postgres_connections: ["Postgres clients logged in", () => own.open],
      postgres_running: ["Their statements under way", () => status().running],
      postgres_waiting: ["Their statements that wait for others", () => status().waiting],
    });
    metrics.counters({
      postgres_sessions: ["Postgres sessions since the start", () => own.sessions],
      postgres_statements: ["Statements since the start", () => own.statements],
      postgres_rows: ["Rows sent since the start", () => own.rows],
      postgres_cancels: ["Statements cancelled by their client", () => own.cancels],
      postgres_errors: ["Failed statements, by SQLSTATE", () => own.errors, "code"],
      postgres_limits: ["Times that a limit was met, by limit", () => own.limits, "limit"],
      postgres_catalogue_restarts: [
        "Times that the catalogue was started again",
        () => status().restarts,
      ],
    });
  }
  const rowsHelp = "Rows in day files, by table and state";
  const dayRows = metrics.gauge("day_file_rows", rowsHelp, "table", "state");
  const perCollector = (name: string, help: string) => metrics.gauge(name, help, "collector");
  const lag = perCollector(
    "lag_seconds",
    "Age of the latest receipt in the archive, of a collector that should be at work",
  );
  const receipts = perCollector("collector_receipts", "A collector's receipts in the archive");
  const lost = perCollector(
    "collector_lost_receipts",
    "Receipts it stamped that the archive lacks",
  );
  const gaps = perCollector("collector_missing_batches", "Batches that never came");
  const late = perCollector("collector_late", "1 while it is silent and did not shut down cleanly");
  const peers = perCollector(
    "collector_peers",
    "Peers it holds, by its last heartbeat or else its open sessions",
  );
  const offset = perCollector(
    "clock_offset_seconds",
    "Added to a collector's time, it gives the archiver's, as last measured",
  );
  const uncertainty = perCollector("clock_uncertainty_seconds", "How far that may be off");
  const measured = perCollector(
    "clock_age_seconds",
    "How long ago that was measured, of a collector that should be at work",
  );
  const free = metrics.gauge("free_bytes", "Free on the archive's disk");
  const bytes = metrics.gauge(
    "archive_bytes",
    "Size of the archive's file and its write-ahead log",
  );
  const collectorGauges = [lag, receipts, lost, gaps, late, peers, offset, uncertainty, measured];
  const readArchive = async () => {
    const size = await store.size();
    bytes.set(size.bytes + size.logBytes);
    free.set(await freeBytes(dirname(store.options.path)) ?? NaN);
    for (const gauge of collectorGauges) gauge.reset();
    dayRows.reset();
    for (const { table, state, rows } of (await daysStatus(days, store)).files) {
      dayRows.set({ table, state }, rows);
    }
    const { byCollector } = await readHeld(store, sources.now());
    for (const collector of await readCollectors(sources)) {
      const label = { collector: collector.name };
      // What has shut down, or feeds another archiver, only grows older.
      const isAtWork = collector.epoch.ended_at === null &&
        sources.isOurs?.(collector.name) !== false;
      if (isAtWork && collector.lag_seconds !== null) lag.set(label, collector.lag_seconds);
      receipts.set(label, collector.receipts);
      lost.set(label, collector.lost_receipts);
      gaps.set(label, collector.gaps.batches);
      late.set(label, collector.late ? 1 : 0);
      const held = collector.heartbeat?.peers ?? byCollector.get(collector.name) ?? 0;
      if (isAtWork && !collector.late) peers.set(label, held);
      if (collector.clock === null) continue;
      offset.set(label, collector.clock.offset_seconds);
      uncertainty.set(label, collector.clock.uncertainty_seconds);
      if (!isAtWork) continue;
      measured.set(label, sources.now() / 1e6 - Date.parse(collector.clock.measured_at) / 1000);
    }
  };
  return {
    contentType: metrics.contentType,
    async text() {
      await readArchive().catch(() => {});
      return await metrics.text();
    },
  };
}
