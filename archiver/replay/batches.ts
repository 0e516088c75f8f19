// Recorded receipts as batches of another collector: equal windows give equal batches, so that a replay that was broken off
// and is run again doubles nothing.

import type { DuckDBBlobValue, DuckDBConnection } from "@duckdb/node-api";
import {
  type Batch,
  type CollectorEvent,
  RECEIPT_REPEAT,
  RECEIPT_WARMUP,
  type Verdict,
} from "../../shared/batch/batch.ts";
import { encodeDigest } from "../../shared/batch/digest.ts";
import { readChunks } from "../../query_results/archive/read_columns.ts";
import { BatchRows } from "../import/batch_rows.ts";
import { rowsOf } from "../store/database.ts";
import type { Row } from "../store/store.ts";

/** As collectors close batches by default. */
const MAX_RECEIPTS = 16_384;
const MAX_RAW_BYTES = 256 * 1024;
/** Read and sorted at once. */
const SLICE_US = 600_000_000;

export interface ReplayOptions {
  /** The recording collector's id, and the name to replay it under. */
  readonly collectorId: number;
  /** Its run, of which sessions and clock are. */
  readonly epochId: number;
  readonly name: string;
  /** Half-open, µs. */
  readonly from: number;
  readonly until: number;
  /** Added to all times, µs. */
  readonly shift: number;
  /** The longest recorded time in one batch, µs. */
  readonly maxAgeUs: number;
  /** For the epoch's version. */
  readonly version: string;
}

type ClockEvent = Extract<
  CollectorEvent,
  { readonly kind: "clock_sample" | "clock_step" | "stalled" }
>;

interface Session {
  readonly number: number;
  readonly row: Row | null;
  receipts: number;
  firstAt: number | null;
  lastAt: number | null;
}

/** A batch, and up to which recorded instant it goes. */
export interface Replayed {
  readonly batch: Batch;
  readonly at: number;
}

/** Builds the batches of a run in a window. */
class ReplayBatches {
  readonly #messages = new Map<number, number>();
  readonly #open = new Map<number, Session>();
  #sessions = 0;
  #batches = 0;
  #receipts = 0;
  #began: number;
  #rows = new BatchRows();
  #events: CollectorEvent[] = [];
  /** Node ids: an import has receipts outside of its sessions. */
  #nodes: ReadonlyMap<number, string> = new Map();

  constructor(
    private readonly connection: DuckDBConnection,
    private readonly options: ReplayOptions,
  ) {
    this.#began = options.from;
  }

  /** All of them, in order. */
  async *all(): AsyncGenerator<Replayed> {
    const { from, until, shift, version } = this.options;
    this.#events.push({ kind: "run_started", at: from + shift, version, target_peers: 0 });
    const sessions = await this.#readSessions();
    const clockEvents = await this.#readClockEvents();
    const nodes = await rowsOf(this.connection, "SELECT peer_id, node_id FROM peers");
    this.#nodes = new Map(nodes.map((row) => [Number(row.peer_id), String(row.node_id)]));
    const opens = sessions.toSorted((a, b) => Number(a.filter_at) - Number(b.filter_at));
    const closes = sessions.filter((row) => row.closed_at !== null && Number(row.closed_at) < until)
      .toSorted((a, b) => Number(a.closed_at) - Number(b.closed_at));
    for (let start = from; start < until; start += SLICE_US) {
      const end = Math.min(until, start + SLICE_US);
      const raws = await this.#readMessages(start, end);
      for await (const columns of this.#readReceipts(start, end)) {
        const [times, messageIds] = columns as [BigUint64Array, BigUint64Array];
        const [, , peers, flags] = columns as unknown as Int32Array[];
        for (let i = 0; i < times.length; i++) {
          const at = Number(times[i]);
          for (; opens.length > 0 && Number(opens[0].filter_at) <= at; opens.shift()) {
            this.#openSession(Number(opens[0].peer_id), opens[0]);
          }
          for (; closes.length > 0 && Number(closes[0].closed_at) < at; closes.shift()) {
            this.#closeSession(Number(closes[0].peer_id), closes[0]);
          }
          while (clockEvents.length > 0 && clockEvents[0].at <= at + shift) {
            this.#events.push(clockEvents.shift()!);
          }
          if (this.#isDue(at)) yield this.#close(at);
          this.#receipt(at, Number(messageIds[i]), peers[i], flags[i], raws);
        }
      }
    }
    this.#events.push(...clockEvents);
    for (const [peer, { row }] of this.#open) this.#closeSession(peer, row, true);
    this.#events.push({ kind: "run_ended", at: until + shift, receipts: this.#receipts });
    yield this.#close(until);
  }

  async #readSessions(): Promise<Row[]> {
    const { epochId, from, until } = this.options;
    return await rowsOf(
      this.connection,
      `SELECT s.session_id, s.peer_id, p.node_id, s.address, s.features, s.filter_first, s.closed_by, s.close_reason,
        epoch_us(s.dialled_at) AS dialled_at, epoch_us(s.handshake_at) AS handshake_at,
        epoch_us(s.filter_at) AS filter_at, epoch_us(s.closed_at) AS closed_at, s.bytes_in, s.bytes_out
      FROM sessions s JOIN peers p USING (peer_id)
      WHERE s.epoch_id = ${epochId} AND epoch_us(s.filter_at) < ${until}
        AND (s.closed_at IS NULL OR epoch_us(s.closed_at) >= ${from})`,
    );
  }

  /** What corrects times, and says how far. */
  async #readClockEvents(): Promise<ClockEvent[]> {
    const { epochId, from, until, shift } = this.options;
    const rows = await rowsOf(
      this.connection,
      `SELECT kind, happened, value, uncertainty FROM (
        SELECT 'clock_sample' AS kind, epoch_id, epoch_us(sampled_at) AS happened, offset_microseconds AS value,
          uncertainty_microseconds AS uncertainty FROM clock_samples
        UNION ALL SELECT 'clock_step', epoch_id, epoch_us(noticed_at), step_microseconds, 0 FROM clock_steps
        UNION ALL SELECT 'stalled', epoch_id, epoch_us(to_at), epoch_us(from_at), 0 FROM stalls
      ) WHERE epoch_id = ${epochId} AND happened >= ${from} AND happened < ${until} ORDER BY happened, kind`,
    );
    return rows.map((row): ClockEvent => {
      const [at, value] = [Number(row.happened) + shift, Number(row.value)];
      if (row.kind === "stalled") return { kind: "stalled", since: value + shift, at };
      if (row.kind === "clock_step") return { kind: "clock_step", at, step: value };
      return { kind: "clock_sample", at, offset: value, uncertainty: Number(row.uncertainty) };
    });
  }

  /** Bytes and verdicts of all messages of a slice. */
  async #readMessages(start: number, end: number): Promise<Map<number, Row>> {
    const rows = await rowsOf(
      this.connection,
      `SELECT message_id, raw, verdict, sha256, type, size, scid, direction, node_id, inner_id,
        epoch(own_timestamp) AS own_timestamp
      FROM messages WHERE message_id IN (SELECT message_id FROM receipts WHERE ${
        this.#within(start, end)
      })`,
    );
    return new Map(rows.map((row) => [Number(row.message_id), row]));
  }

  #readReceipts(start: number, end: number) {
    const sql = `SELECT epoch_us(received_at), message_id, peer_id,
        CAST(is_repeat AS INTEGER) * ${RECEIPT_REPEAT} + CAST(is_warmup AS INTEGER) * ${RECEIPT_WARMUP}
      FROM receipts WHERE ${this.#within(start, end)} ORDER BY received_at, message_id, peer_id`;
    return readChunks(this.connection, sql, [8, 8, 4, 4]);
  }

  #within(start: number, end: number): string {
    return `collector_id = ${this.options.collectorId} AND received_at >= make_timestamptz(${start})
      AND received_at < make_timestamptz(${end})`;
  }

  #receipt(
    at: number,
    messageId: number,
    peer: number,
    flags: number,
    raws: ReadonlyMap<number, Row>,
  ): void {
    let message = this.#messages.get(messageId);
    if (message === undefined) {
      message = this.#messages.size;
      this.#messages.set(messageId, message);
      const row = raws.get(messageId);
      if (row === undefined) throw new Error(`message ${messageId} is not in the archive`);
      this.#rows.message(message, rawOf(row), row.verdict as Verdict);
    }
    const session = this.#open.get(peer) ?? this.#openUnknown(peer, at);
    session.receipts++;
    session.firstAt ??= at;
    session.lastAt = at;
    this.#receipts++;
    this.#rows.receipts.push({ at, message, session: session.number, flags });
  }

  #openUnknown(peer: number, at: number): Session {
    return this.#openSession(peer, {
      ...{ node_id: this.#nodes.get(peer)!, address: "", features: "" },
      ...{ dialled_at: at, handshake_at: at, filter_at: at, filter_first: 0, closed_at: null },
    });
  }

  #openSession(peer: number, row: Row): Session {
    const { shift } = this.options;
    const known = this.#open.get(peer);
    if (known) this.#closeSession(peer, known.row, true);
    const session: Session = {
      number: this.#sessions++,
      row,
      ...{ receipts: 0, firstAt: null, lastAt: null },
    };
    this.#open.set(peer, session);
    const moved = (value: unknown) => Number(value) + shift;
    this.#events.push({
      kind: "session_opened",
      session: session.number,
      node_id: String(row.node_id),
      address: String(row.address),
      dialled_at: moved(row.dialled_at),
      handshake_at: moved(row.handshake_at),
      filter_at: moved(row.filter_at),
      filter_first: Number(row.filter_first),
      features: String(row.features),
    });
    return session;
  }

  /** @param isCut it was open when the replay, or the next one with the peer, came. */
  #closeSession(peer: number, row: Row | null, isCut = false): void {
    const session = this.#open.get(peer);
    if (session === undefined || session.row !== row) return;
    this.#open.delete(peer);
    const { shift, until } = this.options;
    const moved = (at: number | null) => at === null ? null : at + shift;
    const end = isCut || row === null || row.closed_at === null ? until : Number(row.closed_at);
    this.#events.push({
      kind: "session_closed",
      session: session.number,
      at: end + shift,
      by: isCut
        ? "unknown"
        : (row?.closed_by ?? "unknown") as "us" | "peer" | "network" | "unknown",
      reason: isCut ? "the replay goes no further" : String(row?.close_reason ?? ""),
      receipts: session.receipts,
      bytes_in: Number(row?.bytes_in ?? 0),
      bytes_out: Number(row?.bytes_out ?? 0),
      first_gossip_at: moved(session.firstAt),
      last_gossip_at: moved(session.lastAt),
      ...NOT_COUNTED,
    });
  }

  #isDue(at: number): boolean {
    const { receipts, rawBytes } = this.#rows;
    return receipts.length >= MAX_RECEIPTS || rawBytes >= MAX_RAW_BYTES ||
      receipts.length > 0 && at - this.#began >= this.options.maxAgeUs;
  }

  #close(at: number): Replayed {
    const { name, from, shift } = this.options;
    const batch: Batch = {
      collector: name,
      epoch: from + shift,
      number: this.#batches++,
      receiptsBefore: this.#receipts - this.#rows.receipts.length,
      ...this.#rows.columns(shift),
      events: this.#events,
    };
    this.#began = at;
    [this.#rows, this.#events] = [new BatchRows(), []];
    return { batch, at };
  }
}

const NOT_COUNTED = {
  ...{ messages_in: null, messages_out: null, gossip_out: null, pings_sent: null },
  ...{ pings_answered: null, rtt_min: null, rtt_median: null, rtt_max: null },
  ...{ pings_received: null, pongs_sent: null },
};

/** A message's bytes, or what stands for them where they are not stored. */
function rawOf(row: Row): Uint8Array {
  if (row.raw !== null) return (row.raw as DuckDBBlobValue).bytes;
  return encodeDigest({
    sha256: (row.sha256 as DuckDBBlobValue).bytes,
    facts: {
      type: Number(row.type),
      size: Number(row.size),
      scid: row.scid as bigint | null,
      direction: row.direction === null ? null : Number(row.direction) as 0 | 1,
      nodeId: row.node_id as string | null,
      ownTimestamp: row.own_timestamp === null ? null : Number(row.own_timestamp),
      innerId: row.inner_id === null ? null : (row.inner_id as DuckDBBlobValue).bytes,
    },
  });
}

/**
 * The batches of all runs of a collector in a window, one run after the other: each has messages, sessions and a clock of its
 * own. @param first when its first receipt there came, µs.
 */
export async function* replayRuns(
  connection: DuckDBConnection,
  options: Omit<ReplayOptions, "epochId">,
  first: number,
): AsyncGenerator<Replayed> {
  const { collectorId, from, until } = options;
  const runs = await rowsOf(
    connection,
    `SELECT epoch_id, epoch_us(started_at) AS start, greatest(epoch_us(last_receipt_at), epoch_us(ended_at)) AS last
    FROM epochs WHERE collector_id = ${collectorId} ORDER BY started_at`,
  );
  // Runs of two collectors of one name overlap: what came until the next began counts as this one's.
  let last = -Infinity;
  for (const [at, run] of runs.entries()) {
    last = Math.max(last, run.last === null ? Infinity : Number(run.last));
    const start = at === 0 ? Math.min(first, Number(run.start)) : Number(run.start);
    const own = {
      from: Math.max(from, start),
      until: Math.min(until, Number(runs[at + 1]?.start ?? Infinity), last + 1),
    };
    if (own.from >= own.until) continue;
    yield* new ReplayBatches(connection, { ...options, ...own, epochId: Number(run.epoch_id) })
      .all();
  }
}

/** Of several collectors' batches the earliest first. */
export async function* inOrder(all: readonly AsyncGenerator<Replayed>[]): AsyncGenerator<Replayed> {
  const heads = await Promise.all(all.map((batches) => batches.next()));
  for (;;) {
    let first: number | null = null;
    for (const [at, { done, value }] of heads.entries()) {
      if (!done && (first === null || value.at < heads[first].value.at)) first = at;
    }
    if (first === null) return;
    yield heads[first].value;
    heads[first] = await all[first].next();
  }
}
