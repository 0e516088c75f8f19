// Batches into the archive: all rows of a group of batches, and the high-water marks, in one transaction.

import { BIGINT, BLOB, type DuckDBBlobValue, LIST, listValue, TIMESTAMPTZ } from "@duckdb/node-api";
import { createHash } from "node:crypto";
import type { Batch, ResendRequest } from "../../shared/batch/batch.ts";
import { decodeDigest } from "../../shared/batch/digest.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Random } from "../../shared/random.ts";
import { DAY_US } from "../../shared/time.ts";
import type { Claimed } from "./claimed.ts";
import { findCold } from "./cold.ts";
import { type Database, type Row, rowsOf } from "./database.ts";
import { type Epoch, loadMessagePages, loadMissing } from "./epoch.ts";
import { Group, type HashedMessage, UNSETTLED } from "./commit_rows.ts";
import type { KeyFilter } from "./key_filter.ts";
import { ReceiptAppender } from "./receipt_appender.ts";
import { resolvePending } from "./resolve_pending.ts";
import { bigintOrNull, bytes, instant, instantOrNull, integerAtMost, RowBuffer } from "./rows.ts";
import { ArchiveState } from "./state.ts";
import { outdateSummaries } from "./summaries.ts";
import type { OnStep } from "./crash_points.ts";
import type { Migration } from "./migrations.ts";

/** Bytes that are not a batch of their sender, set aside. */
export interface DeadLetter {
  /** µs since the Unix epoch. */
  readonly receivedAt: number;
  /** `http`, or a NATS subject. */
  readonly source: string;
  readonly reason: string;
  readonly raw: Uint8Array;
}

export interface BatchOutcome {
  /** `duplicate`: the archive had it already, and nothing changed. */
  readonly status: "committed" | "duplicate";
  readonly resend: ResendRequest | null;
}

export interface WriterDependencies {
  readonly clock: Clock;
  readonly random: Random;
  /** See `MessageIndex.capacity`; half a million by default. */
  readonly indexedMessages?: number;
  /** By collector, where several archives share them. */
  readonly claimed?: ReadonlyMap<string, Claimed>;
  /** For tests; see `crash_points.ts`. */
  readonly onStep?: OnStep;
  /** For tests of upgrades; the program's own by default. */
  readonly migrations?: readonly Migration[];
}

interface FoundMessage extends Row {
  readonly message_id: bigint;
  readonly sha256: DuckDBBlobValue;
}

/** Writes to an open archive. After an error it and the {@link Database} are useless. */
export class Writer {
  readonly #clock: Clock;
  readonly #onStep: OnStep;
  readonly #claimed: ReadonlyMap<string, Claimed>;
  readonly #receipts = new ReceiptAppender();

  private constructor(
    private readonly database: Database,
    private readonly state: ArchiveState,
    { clock, onStep = () => {}, claimed = new Map() }: WriterDependencies,
  ) {
    this.#claimed = claimed;
    this.#clock = clock;
    this.#onStep = onStep;
  }

  /** @param keys see {@link ArchiveState.load}. */
  static async create(
    database: Database,
    dependencies: WriterDependencies,
    keys: KeyFilter | null = null,
  ): Promise<Writer> {
    const { random, indexedMessages } = dependencies;
    const state = await ArchiveState.load(database.writing, random, indexedMessages, keys);
    return new Writer(database, state, dependencies);
  }

  get keys(): KeyFilter {
    return this.state.messages.all;
  }

  resendRequests(): { collector: string; resend: ResendRequest }[] {
    const latest = new Map<string, Epoch>();
    for (const epoch of this.state.epochs()) {
      const other = latest.get(epoch.collector);
      if (!other || other.startedAt < epoch.startedAt) latest.set(epoch.collector, epoch);
    }
    return [...latest.values()].flatMap((epoch) => {
      const resend = epoch.endedAt === null ? epoch.resendRequest() : null;
      return resend === null ? [] : [{ collector: epoch.collector, resend }];
    });
  }

  /**
   * Commits batches and dead letters.
   * @returns one outcome per batch, in order.
   * @throws {Error} when the transaction failed. It may be in the archive all the same: DuckDB reports a failed
   * checkpoint after it in the same way. So memory is void then; reopen the archive.
   */
  async commit(
    batches: readonly Batch[],
    deadLetters: readonly DeadLetter[] = [],
  ): Promise<BatchOutcome[]> {
    const connection = this.database.writing;
    const now = this.#clock.now();
    await connection.run("BEGIN");
    this.#onStep("commit: begun");
    const collectors = new RowBuffer("collectors");
    await this.#loadEpochs(batches, collectors);
    const hashed = await this.#findMessages(batches);

    const group = new Group(this.state, this.#receipts, now, this.#claimed);
    let added: boolean[];
    await this.#receipts.begin(connection);
    try {
      added = batches.map((batch, i) => group.add(batch, hashed[i]));
      this.#receipts.flush();
    } finally {
      this.#receipts.end();
    }
    await collectors.append(connection);
    await group.messageRows().append(connection);
    for (const rows of Object.values(group.rows)) await rows.append(connection);
    this.#onStep("commit: rows appended");
    for (const epoch of group.toResolve) await resolvePending(connection, epoch, group.changes);
    await group.changes.apply(connection);
    await this.#settle(group.unsettled, now);
    await this.#appendDeadLetters(deadLetters);
    for (const epoch of group.touched) await this.#writeEpoch(epoch, now);
    const earliest = group.earliestFact();
    if (earliest < now - now % DAY_US) await outdateSummaries(connection, earliest);
    this.#onStep("commit: changes applied");
    await connection.run("COMMIT");
    this.#onStep("commit: committed");

    for (const epoch of group.toResolve) {
      if (epoch.wanted.overflown) await loadMissing(connection, epoch);
    }
    const outcomes = batches.map((batch, i): BatchOutcome => ({
      status: added[i] ? "committed" : "duplicate",
      resend: this.state.epoch(batch.collector, batch.epoch).resendRequest(),
    }));
    this.state.shrink();
    return outcomes;
  }

  async #loadEpochs(batches: readonly Batch[], collectors: RowBuffer): Promise<void> {
    const connection = this.database.writing;
    const load = async (collector: string, startedAt: number) => {
      const { epoch, newCollector } = await this.state.loadEpoch(connection, collector, startedAt);
      if (newCollector) collectors.push(epoch.collectorId, collector);
      return epoch;
    };
    for (const { collector, epoch: startedAt, events, messages, receipts, verdicts } of batches) {
      const epoch = await load(collector, startedAt);
      const numbers = [messages.numbers, receipts.messages, verdicts.numbers];
      await loadMessagePages(connection, epoch, numbers);
      for (const event of events) {
        if (event.kind === "batches_dropped") await load(collector, event.epoch);
      }
    }
  }

  async #findMessages(batches: readonly Batch[]): Promise<HashedMessage[][]> {
    const { messages } = this.state;
    const hashed = batches.map((batch) =>
      batch.messages.raws.map((raw): HashedMessage => {
        const digest = decodeDigest(raw);
        const sha256 = digest?.sha256 ?? createHash("sha256").update(raw).digest();
        return { sha256, id: messages.get(sha256), digest };
      })
    );
    if (!messages.forgetful) return hashed;
    const unknown = Map.groupBy(
      hashed.flat().filter(({ id, sha256 }) => id === 0 && messages.mayBeArchived(sha256)),
      ({ sha256 }) => sha256.toHex(),
    );
    if (unknown.size === 0) return hashed;
    const rows = await rowsOf(
      this.database.writing,
      `SELECT m.message_id, m.sha256 FROM hot_messages m
      JOIN (SELECT unnest($1) AS sha256) u ON m.sha256 = u.sha256`,
      [listValue([...unknown.values()].map(([{ sha256 }]) => bytes(sha256)))],
      [LIST(BLOB)],
    );
    const known = (sha256: Uint8Array, name: string, id: number) => {
      messages.set(sha256, id);
      for (const message of unknown.get(name)!) message.id = id;
      unknown.delete(name);
    };
    for (const { message_id, sha256: { bytes: sha256 } } of rows as FoundMessage[]) {
      known(sha256, sha256.toHex(), Number(message_id));
    }
    if (unknown.size === 0) return hashed;
    const rest = [...unknown.values()].map(([{ sha256 }]) => sha256);
    const cold = await findCold(this.database.writing, rest);
    for (const [name, id] of cold) known(unknown.get(name)![0].sha256, name, id);
    return hashed;
  }

  /** Gives messages of which no receipt turned up the time of the commit. */
  async #settle(messageIds: readonly number[], now: number): Promise<void> {
    if (messageIds.length === 0) return;
    await this.database.writing.run(
      `UPDATE hot_messages SET first_seen = $1 WHERE first_seen = $2
        AND message_id IN (SELECT unnest($3))`,
      [instant(now), instant(UNSETTLED), listValue(messageIds.map(BigInt))],
      [TIMESTAMPTZ, TIMESTAMPTZ, LIST(BIGINT)],
    );
  }

  async #appendDeadLetters(deadLetters: readonly DeadLetter[]): Promise<void> {
    const rows = new RowBuffer("dead_letters");
    for (const { receivedAt, source, reason, raw } of deadLetters) {
      rows.push(instant(receivedAt), source, reason, bytes(raw));
    }
    await rows.append(this.database.writing);
  }

  async #writeEpoch(epoch: Epoch, now: number): Promise<void> {
    const connection = this.database.writing;
    const { id, mark } = epoch;
    epoch.lastCommitAt = now;
    if (epoch.isNew) {
      epoch.isNew = false;
      // It says how the one before it ended.
      const [{ last }] = await rowsOf(
        connection,
        "SELECT epoch_us(max(last_receipt_at)) AS last FROM epochs WHERE collector_id = $1",
        [epoch.collectorId],
      );
      if (last !== null) await outdateSummaries(connection, Number(last));
      await connection.run(
        `INSERT INTO epochs (epoch_id, collector_id, started_at, next_batch, receipts,
          stamped_receipts, last_commit_at) VALUES ($1, $2, $3, 0, 0, 0, $3)`,
        [id, epoch.collectorId, instant(epoch.startedAt)],
      );
    }
    await connection.run(
      `UPDATE epochs SET version = $2, target_peers = $3, next_batch = $4, receipts = $5,
        stamped_receipts = $6, last_receipt_at = $7, last_commit_at = $8, ended_at = $9
      WHERE epoch_id = $1`,
      [
        id,
        epoch.version,
        epoch.targetPeers === null ? null : integerAtMost(epoch.targetPeers),
        BigInt(mark.next),
        BigInt(epoch.receipts),
        BigInt(mark.stamped),
        instantOrNull(epoch.lastReceiptAt),
        instant(now),
        instantOrNull(epoch.endedAt),
      ],
    );
    if (epoch.storedGaps === mark.gaps) return;
    epoch.storedGaps = mark.gaps;
    await connection.run("DELETE FROM gaps WHERE epoch_id = $1", [id]);
    const gaps = new RowBuffer("gaps");
    for (const gap of mark.gaps) {
      gaps.push(
        ...[id, BigInt(gap.first), BigInt(gap.last), bigintOrNull(gap.receiptsBefore)],
        ...[bigintOrNull(gap.receipts), instant(gap.noticedAt), gap.reason],
      );
    }
    await gaps.append(connection);
  }
}
