// The archiver's metrics in Prometheus' text format.

import { Counter, Gauge, Registry } from "prom-client";
import { dirname } from "node:path";
import { freeBytes } from "../analytics/window_copy.ts";
import { daysStatus } from "../days/status.ts";
import type { SetStatus } from "../analytics/status.ts";
import type { Feed } from "./page/feed.ts";
import type { PostgresSource } from "../postgres/counters.ts";
import { readCollectors, type StatusSources } from "../status/status.ts";

const PREFIX = "gossip_archiver_";

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Makes the metrics. */
export function createMetrics(
  sources: StatusSources & {
    readonly feed: Pick<Feed, "viewers" | "refused" | "dropped">;
    readonly postgres?: PostgresSource | null;
  },
): Metrics {
  const registry = new Registry();
  const { counters, intake, jetStream, store, days, analytics, feed, postgres, quack } = sources;
  const count = (name: string, help: string, value: () => number) =>
    new Counter({
      name: `${PREFIX}${name}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  const countBy = (
    name: string,
    help: string,
    label: string,
    values: () => Iterable<readonly [string, number]>,
  ) =>
    new Counter({
      name: `${PREFIX}${name}_total`,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of values()) this.inc({ [label]: value }, count);
      },
    });
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: PREFIX + name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  count("receipts", "Receipts committed since the start", () => counters.receipts);
  count("batches", "Batches committed since the start", () => counters.batches);
  count("duplicate_batches", "Batches that were already in the archive", () => counters.duplicates);
  count("dead_letters", "Payloads set aside", () => counters.deadLetters);
  countBy(
    "set_aside",
    "Payloads set aside since the start, by reason",
    "reason",
    () => intake.status().setAside,
  );
  count("commits", "Commits since the start", () => counters.commits);
  count("commit_seconds", "Time spent in commits since the start", () => counters.commitMs / 1000);
  gauge("intake_batches", "Batches waiting for their commit", () => intake.status().batches);
  gauge("intake_bytes", "Bytes of batches waiting for their commit", () => intake.status().bytes);
  gauge("failing", "1 while commits fail", () => intake.status().failure ? 1 : 0);
  if (jetStream) {
    gauge(
      "nats_connected",
      "1 while connected to a NATS server",
      () => jetStream.status().server ? 1 : 0,
    );
    const help =
      "1 while no batches come from NATS: unreachable, or a consumer that delivers nothing";
    gauge("nats_stalled", help, () => jetStream.status().problem === null ? 0 : 1);
  }
  gauge("rollover_failing", "1 while days do not roll over", () => days.progress().failure ? 1 : 0);
  gauge(
    "rollover_timestamp_seconds",
    "When days last rolled over, since the Unix epoch; 0 before the first time",
    () => (days.progress().lastAt ?? 0) / 1e6,
  );
  count("rollover_failures", "Failed rollovers since the start", () => days.progress().failures);
  countBy(
    "rollover_files",
    "Day files since the start, by action",
    "action",
    () => days.progress().counts,
  );
  const labelled = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: PREFIX + name, help, labelNames, registers: [registry] });
  const rowsHelp = "Rows in day files, by table and state";
  const dayRows = labelled("day_file_rows", rowsHelp, "table", "state");
  const countPerSet = (name: string, help: string, value: (set: SetStatus) => number) =>
    countBy(
      `analytics_${name}`,
      help,
      "set",
      () => analytics.status().sets.map((set) => [set.name, value(set)]),
    );
  countPerSet("runs", "Successful scheduled runs since the start", ({ runs }) => runs);
  countPerSet("failures", "Failed scheduled runs since the start", (set) => set.failures);
  countPerSet("seconds", "Time spent in scheduled runs since the start", ({ seconds }) => seconds);
  gauge(
    "analytics_halted",
    "1 when nothing runs until the archiver restarts",
    () => analytics.status().halted === null ? 0 : 1,
  );
  gauge(
    "analytics_missed",
    "Windows that were missed and will not be run",
    () => analytics.status().sets.reduce((sum, { missed }) => sum + missed.length, 0),
  );
  if (quack) {
    const help = "Statements of DuckDB clients under way, as of the last 10 s";
    gauge("quack_statements", help, () => quack.status().statements);
  }
  gauge("viewers", "Viewers of the live page", () => feed.viewers);
  count("viewers_refused", "Viewers refused since the start", () => feed.refused);
  count("viewers_dropped", "Viewers dropped since the start: too slow", () => feed.dropped);
  if (postgres) {
    const { counters: own } = postgres;
    gauge("postgres_connections", "Postgres clients logged in", () => own.open);
    gauge("postgres_running", "Their statements under way", () => postgres.status().running);
    gauge(
      "postgres_waiting",
      "Their statements that wait for others",
      () => postgres.status().waiting,
    );
    count("postgres_sessions", "Postgres sessions since the start", () => own.sessions);
    count("postgres_statements", "Statements since the start", () => own.statements);
    count("postgres_rows", "Rows sent since the start", () => own.rows);
    count("postgres_cancels", "Statements cancelled by their client", () => own.cancels);
    countBy("postgres_errors", "Failed statements, by SQLSTATE", "code", () => own.errors);
    countBy("postgres_limits", "Times that a limit was met, by limit", "limit", () => own.limits);
    count(
      "postgres_catalogue_restarts",
      "Times that the catalogue was started again",
      () => postgres.status().restarts,
    );
  }
  const perCollector = (name: string, help: string) => labelled(name, help, "collector");
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
  const peers = perCollector("collector_peers", "Peers it holds, by its last heartbeat");
  const offset = perCollector(
    "clock_offset_seconds",
    "Added to a collector's time, it gives the archiver's, as last measured",
  );
  const uncertainty = perCollector("clock_uncertainty_seconds", "How far that may be off");
  const measured = perCollector(
    "clock_age_seconds",
    "How long ago that was measured, of a collector that should be at work",
  );
  const free = labelled("free_bytes", "Free on the archive's disk");
  const bytes = labelled("archive_bytes", "Size of the archive's file and its write-ahead log");
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
      if (collector.heartbeat) peers.set(label, collector.heartbeat.peers);
      if (collector.clock === null) continue;
      offset.set(label, collector.clock.offset_seconds);
      uncertainty.set(label, collector.clock.uncertainty_seconds);
      if (!isAtWork) continue;
      measured.set(label, sources.now() / 1e6 - Date.parse(collector.clock.measured_at) / 1000);
    }
  };
  return {
    contentType: registry.contentType,
    async text() {
      await readArchive().catch(() => {});
      return await registry.metrics();
    },
  };
}
