// One run of a collector, as the writer keeps it in memory.

import { BIGINT, type DuckDBConnection, INTEGER } from "@duckdb/node-api";
import { numberOrNull } from "../../query_results/archive/database.ts";
import type { ResendRequest } from "../../shared/batch/batch.ts";
import { MAX_RESEND_NUMBERS } from "../../shared/batch/resend_request.ts";
import { rowsOf } from "./database.ts";
import { type Gap, type GapReason, HighWaterMark } from "./high_water_mark.ts";
import { NumberMap, pageBounds } from "./number_map.ts";

/** Pages of message numbers in memory per epoch: half a million messages, 2 MiB. */
const MAX_MESSAGE_PAGES = 128;

/** Messages and sessions that receipts or events name and the archive lacks. */
export interface Wanted {
  readonly messages: Set<number>;
  readonly sessions: Set<number>;
  /** Messages that verdicts alone name: not requested, as there are no receipts of them. */
  readonly judged: Set<number>;
  /** More are lacking than fit into one request: read them anew once some came. */
  overflown: boolean;
}

function nothingWanted(): Wanted {
  return { messages: new Set(), sessions: new Set(), judged: new Set(), overflown: false };
}

/** One run of a collector. All instants are µs since the Unix epoch. */
export class Epoch {
  isNew = true;
  version: string | null = null;
  targetPeers: number | null = null;
  endedAt: number | null = null;
  receipts = 0;
  lastReceiptAt: number | null = null;
  /** By the archiver's clock; null before the first. */
  lastCommitAt: number | null = null;
  mark: HighWaterMark = new HighWaterMark();
  storedGaps: readonly Gap[] = this.mark.gaps;
  messages: NumberMap = new NumberMap();
  sessions: NumberMap = new NumberMap();
  /** The collector_id of sessions that were read out of logs. */
  readonly sources: Map<number, number> = new Map();
  wanted: Wanted = nothingWanted();

  constructor(
    readonly id: number,
    readonly collectorId: number,
    readonly collector: string,
    readonly startedAt: number,
  ) {}

  collectorOf(session: number): number {
    return this.sources.size === 0
      ? this.collectorId
      : this.sources.get(session) ?? this.collectorId;
  }

  /** What to request from the collector; null when nothing is lacking. */
  resendRequest(): ResendRequest | null {
    const { messages, sessions } = this.wanted;
    if (messages.size === 0 && sessions.size === 0) return null;
    return { epoch: this.startedAt, messages: [...messages], sessions: [...sessions] };
  }

  missMessage(number: number): void {
    this.#miss(this.wanted.messages, number);
  }

  missJudged(number: number): void {
    if (!this.wanted.messages.has(number)) this.#miss(this.wanted.judged, number);
  }

  missSession(number: number): void {
    this.#miss(this.wanted.sessions, number);
  }

  #miss(set: Set<number>, number: number): void {
    if (set.size < MAX_RESEND_NUMBERS) set.add(number);
    else if (!set.has(number)) this.wanted.overflown = true;
  }

  shrink(): void {
    this.messages.evict(MAX_MESSAGE_PAGES);
  }
}

/** Reads an epoch from the archive; null when it has none. */
export async function loadEpoch(
  connection: DuckDBConnection,
  collectorId: number,
  collector: string,
  startedAt: number,
): Promise<Epoch | null> {
  const [row] = await rowsOf(
    connection,
    `SELECT epoch_id, version, target_peers, next_batch, receipts, stamped_receipts,
      epoch_us(last_commit_at) AS last_commit_at, epoch_us(ended_at) AS ended_at, epoch_us(last_receipt_at) AS last_receipt_at,
      (SELECT max(number) FROM message_numbers n WHERE n.epoch_id = e.epoch_id) AS last_number
    FROM epochs e WHERE collector_id = $1 AND epoch_us(started_at) = $2`,
    [collectorId, BigInt(startedAt)],
    [INTEGER, BIGINT],
  );
  if (row === undefined) return null;
  const epoch = new Epoch(Number(row.epoch_id), collectorId, collector, startedAt);
  epoch.isNew = false;
  epoch.version = row.version as string | null;
  epoch.targetPeers = row.target_peers as number | null;
  epoch.endedAt = numberOrNull(row.ended_at);
  epoch.lastCommitAt = numberOrNull(row.last_commit_at);
  epoch.receipts = Number(row.receipts);
  epoch.lastReceiptAt = numberOrNull(row.last_receipt_at);
  epoch.messages = new NumberMap((numberOrNull(row.last_number) ?? -1) + 1);
  epoch.mark = await loadMark(connection, epoch.id, row.next_batch, row.stamped_receipts);
  epoch.storedGaps = epoch.mark.gaps;
  const sessions = await rowsOf(
    connection,
    "SELECT number, peer_id, collector_id FROM sessions WHERE epoch_id = $1",
    [epoch.id],
  );
  for (const { number, peer_id, collector_id } of sessions) {
    epoch.sessions.set(Number(number), Number(peer_id));
    if (collector_id !== collectorId) epoch.sources.set(Number(number), Number(collector_id));
  }
  await loadMissing(connection, epoch);
  return epoch;
}

async function loadMark(
  connection: DuckDBConnection,
  epochId: number,
  next: unknown,
  stamped: unknown,
): Promise<HighWaterMark> {
  const gaps = await rowsOf(
    connection,
    `SELECT first_batch, last_batch, receipts_before, receipts, epoch_us(noticed_at) AS noticed_at,
      reason
    FROM gaps WHERE epoch_id = $1 ORDER BY first_batch`,
    [epochId],
  );
  return new HighWaterMark(
    Number(next),
    Number(stamped),
    gaps.map((gap) => ({
      first: Number(gap.first_batch),
      last: Number(gap.last_batch),
      receiptsBefore: numberOrNull(gap.receipts_before),
      receipts: numberOrNull(gap.receipts),
      noticedAt: Number(gap.noticed_at),
      reason: gap.reason as GapReason,
    })),
  );
}

/** Reads anew what is lacking: all that unresolved rows name and the archive does not have. */
export async function loadMissing(connection: DuckDBConnection, epoch: Epoch): Promise<void> {
  epoch.wanted = nothingWanted();
  const unknown = (from: string, column: string, table: string) =>
    rowsOf(
      connection,
      `SELECT DISTINCT ${column} AS number FROM ${from} u
      WHERE epoch_id = $1 AND ${column} IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM ${table} t WHERE t.epoch_id = u.epoch_id AND t.number = u.${column})
      LIMIT ${MAX_RESEND_NUMBERS + 1}`,
      [epoch.id],
    );
  const messages = await unknown("unresolved_receipts", "message_number", "message_numbers");
  const judged = await unknown("unresolved_events", "message_number", "message_numbers");
  const named = `(SELECT epoch_id, session_number FROM unresolved_receipts UNION ALL
    SELECT epoch_id, session_number FROM unresolved_events)`;
  const sessions = await unknown(named, "session_number", "sessions");
  for (const { number } of messages) epoch.missMessage(Number(number));
  for (const { number } of judged) epoch.missJudged(Number(number));
  for (const { number } of sessions) epoch.missSession(Number(number));
}

/** Loads the pages that `numbers` need. */
export async function loadMessagePages(
  connection: DuckDBConnection,
  epoch: Epoch,
  numbers: readonly Uint32Array[],
): Promise<void> {
  const missing = new Set<number>();
  for (const column of numbers) epoch.messages.collectMissing(column, missing);
  for (const index of missing) {
    const [first, last] = pageBounds(index);
    const rows = await rowsOf(
      connection,
      `SELECT number, message_id FROM message_numbers
      WHERE epoch_id = $1 AND number BETWEEN $2 AND $3`,
      [epoch.id, BigInt(first), BigInt(last)],
      [INTEGER, BIGINT, BIGINT],
    );
    epoch.messages.load(
      index,
      rows.map(({ number, message_id }) => [Number(number), Number(message_id)] as const),
    );
  }
}
