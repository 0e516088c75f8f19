// `/status`: from what is committed, and from what is under way.

import { numberOrNull } from "../../query_results/archive/database.ts";
import { HEARTBEAT_MS } from "../../shared/nats/message.ts";
import { printable } from "../../shared/text.ts";
import { isoTime, isoTimeOrNull } from "../../shared/time.ts";
import type { AnalyticsStatus } from "../analytics/status.ts";
import { type DaysSource, type DaysStatus, daysStatus } from "../days/status.ts";
import type { IntakeStatus } from "../intake/contract.ts";
import type { HeardHeartbeat } from "../intake/heartbeats.ts";
import type { JetStreamStatus } from "../intake/jetstream.ts";
import { AWAITED_US } from "../intake/watch.ts";
import type { Quack } from "../quack/quack.ts";
import { archiveIdentity } from "../store/identity.ts";
import type { Row } from "../store/store.ts";
import type { Counters } from "./counters.ts";

/** Gaps and cut-off epochs listed per collector; counts cover all. */
const MAX_LISTED = 100;

const US_PER_SECOND = 1_000_000;
/** A collector is late after three missed heartbeats. */
const LATE_US = 3 * HEARTBEAT_MS * 1000;

export interface StatusSources {
  readonly store: {
    readonly options: { readonly path: string };
    read(sql: string): Promise<Row[]>;
    size(): Promise<{ bytes: number; logBytes: number }>;
  };
  readonly intake: { status(): IntakeStatus };
  readonly jetStream: { status(): JetStreamStatus } | null;
  readonly days: DaysSource;
  readonly analytics: { status(): AnalyticsStatus };
  readonly heartbeats: { readonly last: ReadonlyMap<string, HeardHeartbeat> };
  readonly counters: Counters;
  readonly watch: { problems(): string[] };
  /** False of collectors that another archiver takes. */
  readonly isOurs?: (collector: string) => boolean;
  readonly quack?: Pick<Quack, "status">;
  /** µs since the Unix epoch. */
  readonly now: () => number;
}

/** One collector, in the JSON of `/status`. Instants are ISO 8601. */
export type CollectorStatus = ReturnType<typeof collectorStatus>;
export type HeartbeatStatus = ReturnType<typeof heartbeatStatus>;
export type ClockStatus = ReturnType<typeof clockStatus>;

export type Status = ReturnType<typeof statusOf>;

/** Collects the status. @throws {Error} while the archive cannot be read. */
export async function collectStatus(sources: StatusSources): Promise<Status> {
  const { store, days } = sources;
  const [{ count }] = await store.read("SELECT count(*) AS count FROM dead_letters");
  const collectors = await readCollectors(sources);
  const id = await archiveIdentity(store);
  return statusOf(
    sources,
    Number(count),
    collectors,
    await store.size(),
    await daysStatus(days, store),
    id,
  );
}

function statusOf(
  sources: StatusSources,
  deadLetters: number,
  collectors: readonly CollectorStatus[],
  size: { readonly bytes: number; readonly logBytes: number },
  days: DaysStatus,
  id: string,
) {
  const { store, intake, jetStream, now } = sources;
  const { failure, batches, bytes, receipts } = intake.status();
  const archived = new Set(collectors.map(({ name }) => name));
  const { lastCommit, startedAt } = sources.counters;
  return {
    started_at: isoTime(startedAt),
    archive: { id, path: store.options.path, bytes: size.bytes, log_bytes: size.logBytes },
    last_commit: lastCommit && {
      at: isoTime(lastCommit.at),
      batches: lastCommit.batches,
      receipts: lastCommit.receipts,
      milliseconds: Math.round(lastCommit.durationMs),
    },
    failure: failure && { reason: failure.reason, since: isoTime(failure.since) },
    intake: { batches, bytes, receipts },
    nats: jetStream?.status() ?? null,
    days,
    analytics: sources.analytics.status(),
    dead_letters: deadLetters,
    collectors,
    new_collectors: [...sources.heartbeats.last]
      .filter(([name]) => !archived.has(name) && sources.isOurs?.(name) !== false)
      .map(([name, heard]) => ({
        name,
        late: isLate(now(), heard.heardAt),
        heartbeat: heartbeatStatus(heard),
      })),
  };
}

function isLate(now: number, ...heardAt: number[]): boolean {
  return now - Math.max(...heardAt) > LATE_US;
}

function heartbeatStatus(heard: HeardHeartbeat) {
  return {
    heard_at: isoTime(heard.heardAt),
    sent_at: isoTime(heard.at),
    epoch: isoTime(heard.epoch),
    version: printable(heard.version),
    peers: heard.peers,
    receipts: heard.receipts,
    spool_bytes: heard.spool_bytes,
    /** Null of collectors that cannot be steered yet. */
    spool_max: heard.spool_max ?? null,
    target: heard.target ?? null,
    steering: heard.steering ?? null,
    problems: heard.problems ?? null,
  };
}

/** The collectors' part of the status. */
export async function readCollectors(
  sources: Pick<StatusSources, "store" | "heartbeats" | "counters" | "now" | "isOurs">,
): Promise<CollectorStatus[]> {
  const { store } = sources;
  const epochs = await store.read(
    `SELECT c.name, c.collector_id, e.epoch_id, epoch_us(e.started_at) AS started_at, e.version, e.target_peers,
      e.next_batch, e.receipts, e.stamped_receipts, epoch_us(e.last_receipt_at) AS last_receipt_at,
      epoch_us(e.last_commit_at) AS last_commit_at, epoch_us(e.ended_at) AS ended_at,
      (SELECT count(*) FROM unresolved_receipts u WHERE u.epoch_id = e.epoch_id) AS unresolved
    FROM epochs e JOIN collectors c ON c.collector_id = e.collector_id
    ORDER BY c.name, e.started_at`,
  );
  const gaps = await store.read(`SELECT epoch_id, first_batch, last_batch, receipts, reason,
      epoch_us(noticed_at) AS noticed_at
    FROM gaps ORDER BY epoch_id, first_batch`);
  const clocks = await store.read(`SELECT collector_id, epoch_us(max(sampled_at)) AS measured_at,
      arg_max(offset_microseconds, sampled_at) AS offset_us,
      arg_max(uncertainty_microseconds, sampled_at) AS uncertainty_us
    FROM clock_samples GROUP BY collector_id`);
  const gapsByEpoch = Map.groupBy(gaps, (gap) => Number(gap.epoch_id));
  const clockById = new Map(clocks.map((row) => [Number(row.collector_id), clockStatus(row)]));
  const byName = Map.groupBy(epochs, (epoch) => String(epoch.name));
  return [...byName.values()].map((own) =>
    collectorStatus(own, gapsByEpoch, clockById.get(Number(own[0].collector_id)) ?? null, sources)
  );
}

function clockStatus(row: Row) {
  return {
    measured_at: isoTime(Number(row.measured_at)),
    offset_seconds: Number(row.offset_us) / US_PER_SECOND,
    uncertainty_seconds: Number(row.uncertainty_us) / US_PER_SECOND,
  };
}

function collectorStatus(
  epochs: readonly Row[],
  gapsByEpoch: ReadonlyMap<number, Row[]>,
  clock: ClockStatus | null,
  sources: Pick<StatusSources, "heartbeats" | "counters" | "now" | "isOurs">,
) {
  const latest = epochs.at(-1)!;
  const now = sources.now();
  const heartbeat = sources.heartbeats.last.get(String(latest.name)) ?? null;
  const sum = (column: string) => epochs.reduce((total, epoch) => total + Number(epoch[column]), 0);
  const max = (column: string) =>
    epochs.reduce<number | null>((most, epoch) => {
      const value = numberOrNull(epoch[column]);
      return value === null || (most !== null && most >= value) ? most : value;
    }, null);
  const gaps = epochs.flatMap((epoch) =>
    (gapsByEpoch.get(Number(epoch.epoch_id)) ?? []).map((gap) => gapStatus(epoch, gap))
  );
  const elsewhere = gaps.filter(({ reason }) => reason === "elsewhere");
  const missing = batchesIn(gaps) - batchesIn(elsewhere);
  const awaited = gaps.filter(({ reason, noticed_at }) =>
    reason === "missing" && isAwaited(now - Date.parse(noticed_at) * 1000)
  );
  const lastReceiptAt = max("last_receipt_at");
  const lastCommitAt = max("last_commit_at")!;
  return {
    name: String(latest.name),
    receipts: sum("receipts"),
    unresolved_receipts: sum("unresolved"),
    lost_receipts: sum("stamped_receipts") - sum("receipts") -
      [...awaited, ...elsewhere].reduce((total, gap) => total + (gap.receipts ?? 0), 0),
    batches: sum("next_batch") - batchesIn(gaps),
    /** Age of its latest receipt in the archive. */
    lag_seconds: lastReceiptAt === null ? null : (now - lastReceiptAt) / US_PER_SECOND,
    last_receipt_at: isoTimeOrNull(lastReceiptAt),
    last_commit_at: isoTime(lastCommitAt),
    late: latest.ended_at === null && sources.isOurs?.(String(latest.name)) !== false &&
      isLate(now, sources.counters.startedAt, lastCommitAt, heartbeat?.heardAt ?? 0),
    /** The last one since the archiver started; null over HTTP. */
    heartbeat: heartbeat && heartbeatStatus(heartbeat),
    epoch: {
      started_at: isoTime(Number(latest.started_at)),
      version: latest.version === null ? null : printable(String(latest.version)),
      target_peers: numberOrNull(latest.target_peers),
      high_water_mark: Number(latest.next_batch),
      ended_at: isoTimeOrNull(numberOrNull(latest.ended_at)),
    },
    clock,
    /** What is left of these runs in the collector's spool arrives when it restarts. */
    cut_off_epochs: epochs.slice(0, -1)
      .filter((epoch) => epoch.ended_at === null)
      .slice(-MAX_LISTED)
      .map((epoch) => isoTime(Number(epoch.started_at))),
    /**
     * `awaited`: those of the batches that may still come, out of order. `elsewhere`: further ones, that came before this
     * archive took the collector over.
     */
    gaps: {
      count: gaps.length - elsewhere.length,
      batches: missing,
      awaited: batchesIn(awaited),
      elsewhere: batchesIn(elsewhere),
      latest: gaps.slice(-MAX_LISTED),
    },
  };
}

function isAwaited(ageUs: number): boolean {
  return ageUs >= 0 && ageUs < AWAITED_US;
}

function batchesIn(gaps: readonly ReturnType<typeof gapStatus>[]): number {
  return gaps.reduce((total, gap) => total + gap.last_batch - gap.first_batch + 1, 0);
}

function gapStatus(epoch: Row, gap: Row) {
  return {
    epoch: isoTime(Number(epoch.started_at)),
    first_batch: Number(gap.first_batch),
    last_batch: Number(gap.last_batch),
    receipts: numberOrNull(gap.receipts),
    reason: String(gap.reason),
    noticed_at: isoTime(Number(gap.noticed_at)),
  };
}
