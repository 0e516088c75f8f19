// Rows of all tables but receipts: gathered as values, appended as data chunks.
import {
  BIGINT,
  BLOB,
  blobValue,
  BOOLEAN,
  DOUBLE,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBTimestampTZValue,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  SMALLINT,
  TIMESTAMPTZ,
  VARCHAR,
} from "@duckdb/node-api";
import type { Verdict } from "../../shared/batch/batch.ts";
import { type GossipFacts, gossipFacts } from "../../shared/bolt/facts.ts";

export const VECTOR_ROWS = 2048;

/** The columns that {@link RowBuffer} fills, by table, in the order of the schema. */
const columnTypes = {
  collectors: [INTEGER, VARCHAR],
  sources: [INTEGER, VARCHAR, VARCHAR, BIGINT, VARCHAR],
  peers: [INTEGER, VARCHAR],
  sessions: [
    ...[BIGINT, INTEGER, BIGINT, INTEGER, INTEGER, VARCHAR, TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ],
    ...[BIGINT, VARCHAR, TIMESTAMPTZ, VARCHAR, VARCHAR, BIGINT, BIGINT, BIGINT],
    ...[TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ, BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, BIGINT],
    ...[BIGINT, BIGINT, BIGINT, BIGINT],
  ],
  hot_messages: [
    ...[BIGINT, BLOB, INTEGER, INTEGER, VARCHAR, BIGINT, SMALLINT, VARCHAR, TIMESTAMPTZ, BLOB],
    ...[TIMESTAMPTZ, BLOB],
  ],
  message_numbers: [INTEGER, BIGINT, BIGINT],
  unresolved_receipts: [TIMESTAMPTZ, INTEGER, BIGINT, BIGINT, INTEGER],
  unresolved_events: [INTEGER, BIGINT, BIGINT, VARCHAR],
  clock_samples: [INTEGER, INTEGER, TIMESTAMPTZ, BIGINT, BIGINT],
  clock_steps: [INTEGER, INTEGER, TIMESTAMPTZ, BIGINT],
  stalls: [INTEGER, INTEGER, TIMESTAMPTZ, TIMESTAMPTZ],
  log_gaps: [INTEGER, INTEGER, TIMESTAMPTZ, TIMESTAMPTZ, VARCHAR],
  dial_outcomes: [INTEGER, INTEGER, TIMESTAMPTZ, TIMESTAMPTZ, VARCHAR, VARCHAR, BIGINT],
  gaps: [INTEGER, BIGINT, BIGINT, BIGINT, BIGINT, TIMESTAMPTZ, VARCHAR],
  dead_letters: [TIMESTAMPTZ, VARCHAR, VARCHAR, BLOB],
  import_messages: [INTEGER, BIGINT, BIGINT, VARCHAR],
  import_asked: [BIGINT, BLOB, BOOLEAN],
  analytics_runs: [
    ...[BIGINT, VARCHAR, TIMESTAMPTZ, TIMESTAMPTZ, VARCHAR, TIMESTAMPTZ, TIMESTAMPTZ, VARCHAR],
    ...[VARCHAR, VARCHAR],
  ],
  analytics_queries: [BIGINT, VARCHAR, BIGINT, BIGINT],
  analytics_results: [BIGINT, VARCHAR, INTEGER, VARCHAR, DOUBLE, TIMESTAMPTZ, VARCHAR],
} satisfies Record<string, DuckDBType[]>;

export type RowTable = keyof typeof columnTypes;

/** Rows for one table, appended together. */
export class RowBuffer {
  #rows: DuckDBValue[][] = [];

  constructor(private readonly table: RowTable) {}

  push(...values: DuckDBValue[]): void {
    this.#rows.push(values);
  }

  async append(connection: DuckDBConnection): Promise<void> {
    if (this.#rows.length === 0) return;
    const rows = this.#rows;
    this.#rows = [];
    const appender = await connection.createAppender(this.table);
    try {
      const chunk = DuckDBDataChunk.create(columnTypes[this.table]);
      for (let at = 0; at < rows.length; at += VECTOR_ROWS) {
        chunk.reset();
        chunk.setRows(rows.slice(at, at + VECTOR_ROWS));
        appender.appendDataChunk(chunk);
      }
      appender.flushSync();
    } finally {
      closeAppender(appender);
    }
  }
}

/** Closes an appender without flushing; one left open would keep the archive's file open. */
export function closeAppender(appender: DuckDBAppender): void {
  appender.clear();
  appender.closeSync();
}

/** An instant as a value. @param microseconds since the Unix epoch, an integer. */
export function instant(microseconds: number): DuckDBTimestampTZValue {
  return new DuckDBTimestampTZValue(BigInt(microseconds));
}

/** {@link instant}, or null. */
export function instantOrNull(microseconds: number | null): DuckDBTimestampTZValue | null {
  return microseconds === null ? null : instant(microseconds);
}

/** Bytes as a value. */
export function bytes(value: Uint8Array): DuckDBValue {
  return blobValue(value);
}

/** An integer as a BIGINT, or null. */
export function bigintOrNull(value: number | null): bigint | null {
  return value === null ? null : BigInt(value);
}

const MAX_INTEGER = 2 ** 31 - 1;

/** An integer as an INTEGER; larger ones become the largest. */
export function integerAtMost(value: number): number {
  return Math.min(value, MAX_INTEGER);
}

const US_PER_SECOND = 1_000_000;

/** A message's own timestamp as a value. */
export function ownTimestamp(facts: GossipFacts): DuckDBTimestampTZValue | null {
  return instantOrNull(facts.ownTimestamp && facts.ownTimestamp * US_PER_SECOND);
}

export interface MessageToAdd {
  readonly id: number;
  readonly sha256: Uint8Array;
  /** Its bytes, type included; null when the collector stored only a digest. */
  readonly raw: Uint8Array | null;
  /** Those of the bytes, by default. */
  readonly facts?: GossipFacts;
  readonly verdict: Verdict;
  /** Its earliest receipt, µs since the Unix epoch. */
  readonly firstSeen: number;
}

/** Its row in `hot_messages`. */
export function messageRow(message: MessageToAdd): DuckDBValue[] {
  const { id, sha256, raw, verdict, firstSeen } = message;
  const facts = message.facts ?? gossipFacts(raw!);
  return [
    BigInt(id),
    bytes(sha256),
    facts.type,
    facts.size,
    verdict,
    facts.scid,
    facts.direction,
    facts.nodeId,
    ownTimestamp(facts),
    facts.innerId && bytes(facts.innerId),
    instant(firstSeen),
    raw && bytes(raw),
  ];
}
