/**
 * Batches into the archive: all rows of a group of batches, and the high-water marks, in one transaction.
 *
 * @module
 */
import { BLOB, type DuckDBBlobValue, LIST, listValue } from "@duckdb/node-api";
import { createHash } from "node:crypto";
import type { Batch, Want } from "../../shared/batch/batch.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Random } from "../../shared/random.ts";
import { type Database, rowsOf } from "./database.ts";
import { type Epoch, loadMessagePages, loadWanted } from "./epoch.ts";
import { Group } from "./group.ts";
import { ReceiptAppender } from "./receipt_appender.ts";
import { resolve } from "./resolve.ts";
import { bigintOrNull, bytes, instant, instantOrNull, integerAtMost, RowBuffer } from "./rows.ts";
import { ArchiveState } from "./state.ts";

/** Bytes that are no batch, set aside. */
export interface DeadLetter {
  /** When they came, µs since the Unix epoch. */
  readonly receivedAt: number;
  /** Where they came from, e.g. `http` or a NATS subject. */
  readonly source: string;
  /** Why they are no batch. */
  readonly reason: string;
  /** They. */
  readonly raw: Uint8Array;
}

/** What became of a batch. */
export interface BatchOutcome {
  /** `duplicate`: the archive had it already, and nothing changed. */
  readonly status: "committed" | "duplicate";
  /** What the archive asks its collector to tell again. */
  readonly want: Want | null;
}

/** Writes to an open archive. After an error it is of no more use, and neither is the {@link Database}. */
export class Writer {
  readonly #database: Database;
  readonly #state: ArchiveState;
  readonly #clock: Clock;
  readonly #receipts = new ReceiptAppender();

  private constructor(database: Database, state: ArchiveState, clock: Clock) {
    this.#database = database;
    this.#state = state;
    this.#clock = clock;
  }

  /** Reads what it must know of the archive. */
  static async create(database: Database, clock: Clock, random: Random): Promise<Writer> {
    return new Writer(database, await ArchiveState.load(database.writing, random), clock);
  }

  /** What to ask the collectors for: of each, its latest epoch's want. */
  wants(): { collector: string; want: Want }[] {
    const latest = new Map<string, Epoch>();
    for (const epoch of this.#state.epochs()) {
      const other = latest.get(epoch.collector);
      if (!other || other.startedAt < epoch.startedAt) latest.set(epoch.collector, epoch);
    }
    return [...latest.values()].flatMap((epoch) => {
      const want = epoch.endedAt === null ? epoch.want() : null;
      return want === null ? [] : [{ collector: epoch.collector, want }];
    });
  }

  /**
   * Commits batches and dead letters.
   *
   * @returns what became of each batch, in their order.
   * @throws when the transaction failed. It may be in the archive all the same: DuckDB says so when only the checkpoint
   * after it failed. So all memory is void then, and the archive must be opened anew.
   */
  async commit(
    batches: readonly Batch[],
    deadLetters: readonly DeadLetter[] = [],
  ): Promise<BatchOutcome[]> {
    const connection = this.#database.writing;
    const now = this.#clock.now();
    await connection.run("BEGIN");
    const collectors = new RowBuffer("collectors");
    await this.#loadEpochs(batches, collectors);
    const hashes = await this.#loadMessages(batches);

    const group = new Group(this.#state, this.#receipts, now);
    let added: boolean[];
    await this.#receipts.begin(connection);
    try {
      added = batches.map((batch, i) => group.add(batch, hashes[i]));
      this.#receipts.flush();
    } finally {
      this.#receipts.end();
    }
    await collectors.append(connection);
    await group.messageRows().append(connection);
    for (const rows of Object.values(group.rows)) await rows.append(connection);
    for (const epoch of group.toResolve) await resolve(connection, epoch, group.changes);
    await group.changes.apply(connection);
    await this.#appendDeadLetters(deadLetters);
    for (const epoch of group.touched) await this.#writeEpoch(epoch, now);
    await connection.run("COMMIT");

    for (const epoch of group.toResolve) {
      if (epoch.wanted.overflown) await loadWanted(connection, epoch);
    }
    const outcomes = batches.map((batch, i): BatchOutcome => ({
      status: added[i] ? "committed" : "duplicate",
      want: this.#state.epoch(batch.collector, batch.epoch).want(),
    }));
    this.#state.shrink();
    return outcomes;
  }

  async #loadEpochs(batches: readonly Batch[], collectors: RowBuffer): Promise<void> {
    const connection = this.#database.writing;
    const load = async (collector: string, startedAt: number) => {
      const { epoch, newCollector } = await this.#state.loadEpoch(connection, collector, startedAt);
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

  /** Hashes the messages, and brings those of them that the archive has into the index. */
  async #loadMessages(batches: readonly Batch[]): Promise<Uint8Array[][]> {
    const { messages } = this.#state;
    const hashes = batches.map((batch) => batch.messages.raws.map(sha256));
    if (!messages.forgetful) return hashes;
    const unknown = hashes.flat().filter((hash) => messages.get(hash) === 0);
    if (unknown.length === 0) return hashes;
    const rows = await rowsOf(
      this.#database.writing,
      `SELECT message_id, m.sha256 FROM messages m
      JOIN (SELECT DISTINCT unnest($1) AS sha256) u ON m.sha256 = u.sha256`,
      [listValue(unknown.map(bytes))],
      [LIST(BLOB)],
    );
    for (const { message_id, sha256 } of rows) {
      messages.set((sha256 as DuckDBBlobValue).bytes, Number(message_id));
    }
    return hashes;
  }

  async #appendDeadLetters(deadLetters: readonly DeadLetter[]): Promise<void> {
    const rows = new RowBuffer("dead_letters");
    for (const { receivedAt, source, reason, raw } of deadLetters) {
      rows.push(instant(receivedAt), source, reason, bytes(raw));
    }
    await rows.append(this.#database.writing);
  }

  async #writeEpoch(epoch: Epoch, now: number): Promise<void> {
    const connection = this.#database.writing;
    const { id, mark } = epoch;
    if (epoch.isNew) {
      epoch.isNew = false;
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
        id,
        BigInt(gap.first),
        BigInt(gap.last),
        bigintOrNull(gap.receiptsBefore),
        bigintOrNull(gap.receipts),
        instant(gap.noticedAt),
        gap.reason,
      );
    }
    await gaps.append(connection);
  }
}

function sha256(raw: Uint8Array): Uint8Array {
  return createHash("sha256").update(raw).digest();
}
