// What sessions saw and how they ended: gathered, then written with one UPDATE.

import {
  BIGINT,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  TIMESTAMPTZ,
  VARCHAR,
} from "@duckdb/node-api";
import type { SessionClosed, SessionState } from "../../shared/batch/batch.ts";
import { bigintOrNull, instant, instantOrNull } from "./rows.ts";
import { update } from "./update.ts";

/** An event that brings a session's figures. */
export type SessionTold = SessionState | SessionClosed;

type Column = readonly [name: string, type: DuckDBType, value: (event: SessionTold) => DuckDBValue];

const ended = <T>(event: SessionTold, value: (closed: SessionClosed) => T): T | null =>
  event.kind === "session_closed" ? value(event) : null;

/** The columns of `sessions` that an event tells. */
const COLUMNS: readonly Column[] = [
  ["closed_at", TIMESTAMPTZ, (event) => ended(event, ({ at }) => instant(at))],
  ["closed_by", VARCHAR, (event) => ended(event, ({ by }) => by)],
  ["close_reason", VARCHAR, (event) => ended(event, ({ reason }) => reason)],
  ["counted_at", TIMESTAMPTZ, (event) => instant(event.at)],
  ["receipts", BIGINT, (event) => BigInt(event.receipts)],
  ["bytes_in", BIGINT, (event) => BigInt(event.bytes_in)],
  ["bytes_out", BIGINT, (event) => BigInt(event.bytes_out)],
  ["first_gossip_at", TIMESTAMPTZ, (event) => instantOrNull(event.first_gossip_at)],
  ["last_gossip_at", TIMESTAMPTZ, (event) => instantOrNull(event.last_gossip_at)],
  ["messages_in", BIGINT, (event) => bigintOrNull(event.messages_in)],
  ["messages_out", BIGINT, (event) => bigintOrNull(event.messages_out)],
  ["gossip_out", BIGINT, (event) => bigintOrNull(event.gossip_out)],
  ["pings_sent", BIGINT, (event) => bigintOrNull(event.pings_sent)],
  ["pings_answered", BIGINT, (event) => bigintOrNull(event.pings_answered)],
  ["rtt_min_microseconds", BIGINT, (event) => bigintOrNull(event.rtt_min)],
  ["rtt_median_microseconds", BIGINT, (event) => bigintOrNull(event.rtt_median)],
  ["rtt_max_microseconds", BIGINT, (event) => bigintOrNull(event.rtt_max)],
  ["pings_received", BIGINT, (event) => bigintOrNull(event.pings_received)],
  ["pongs_sent", BIGINT, (event) => bigintOrNull(event.pongs_sent)],
];

const UPDATE = `UPDATE sessions SET ${COLUMNS.map(([name]) => `${name} = u.${name}`).join(", ")}
FROM (SELECT unnest($1) AS epoch_id, unnest($2) AS number,
  ${COLUMNS.map(([name], i) => `unnest($${i + 3}) AS ${name}`).join(", ")}) u
WHERE sessions.epoch_id = u.epoch_id AND sessions.number = u.number AND (u.closed_at IS NOT NULL
  OR (sessions.closed_at IS NULL AND (sessions.counted_at IS NULL OR sessions.counted_at < u.counted_at)))`;

/** See the module. Of one session the end counts, or else the latest. */
export class StagedSessions {
  readonly #told = new Map<string, { readonly epochId: number; readonly event: SessionTold }>();

  add(epochId: number, event: SessionTold): void {
    const key = `${epochId}/${event.session}`;
    const known = this.#told.get(key)?.event;
    const isOlder = known && event.kind === "session_state" &&
      (known.kind === "session_closed" || known.at > event.at);
    if (!isOlder) this.#told.set(key, { epochId, event });
  }

  async apply(connection: DuckDBConnection): Promise<void> {
    const told = [...this.#told.values()];
    if (told.length === 0) return;
    await update(
      connection,
      UPDATE,
      [INTEGER, told.map(({ epochId }) => epochId)],
      [BIGINT, told.map(({ event }) => BigInt(event.session))],
      ...COLUMNS.map(([, type, value]) => [type, told.map(({ event }) => value(event))] as const),
    );
  }
}
