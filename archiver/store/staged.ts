// Changes of rows that are already in the archive: one UPDATE per commit for all of them.

import {
  BIGINT,
  BLOB,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  LIST,
  listValue,
  SMALLINT,
  TIMESTAMPTZ,
  VARCHAR,
} from "@duckdb/node-api";
import type { SessionClosed, SessionState, Verdict } from "../../shared/batch/batch.ts";
import { changeColdFirstSeen, changeColdVerdicts } from "./cold.ts";
import { isUndecided, UNDECIDED } from "./sql.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { bigintOrNull, bytes, instant, instantOrNull, ownTimestamp } from "./rows.ts";

/** Runs an UPDATE whose parameters are columns of one length, each with its type. */
async function update(
  connection: DuckDBConnection,
  sql: string,
  ...columns: readonly (readonly [DuckDBType, DuckDBValue[]])[]
): Promise<void> {
  await connection.run(
    sql,
    columns.map(([, values]) => listValue(values)),
    columns.map(([type]) => LIST(type)),
  );
}

/** Verdicts that a later one replaces. */
/** The verdict that holds: the first that decides. */
export function laterVerdict(earlier: Verdict, later: Verdict): Verdict {
  return UNDECIDED.some((each) => each === earlier) && later !== "unchecked" ? later : earlier;
}

/** Changes of rows that are already there, applied once per commit. */
export class StagedChanges {
  readonly #verdicts = new Map<number, Verdict>();
  readonly #firstSeen = new Map<number, number>();
  readonly #raws = new Map<number, Uint8Array>();
  readonly #sessions = new StagedSessions();

  /** The bytes of a message of which there is only a digest. */
  raw(messageId: number, raw: Uint8Array): void {
    this.#raws.set(messageId, raw);
  }

  verdict(messageId: number, verdict: Verdict): void {
    const known = this.#verdicts.get(messageId) ?? "unchecked";
    this.#verdicts.set(messageId, laterVerdict(known, verdict));
  }

  firstSeen(messageId: number, receivedAt: number): void {
    const known = this.#firstSeen.get(messageId) ?? Infinity;
    if (receivedAt < known) this.#firstSeen.set(messageId, receivedAt);
  }

  session(epochId: number, event: SessionReport): void {
    this.#sessions.add(epochId, event);
  }

  async apply(connection: DuckDBConnection): Promise<void> {
    const verdicts = [...this.#verdicts].filter(([, verdict]) => verdict !== "unchecked");
    if (verdicts.length > 0) {
      await update(
        connection,
        `UPDATE hot_messages SET verdict = u.verdict FROM (
          SELECT unnest($1) AS message_id, unnest($2) AS verdict) u
        WHERE hot_messages.message_id = u.message_id
          AND ${isUndecided("hot_messages.verdict")}`,
        [BIGINT, verdicts.map(([id]) => BigInt(id))],
        [VARCHAR, verdicts.map(([, verdict]) => verdict)],
      );
      await changeColdVerdicts(connection, verdicts);
    }
    if (this.#raws.size > 0) await this.#fill(connection);
    if (this.#firstSeen.size > 0) {
      await update(
        connection,
        `UPDATE hot_messages SET first_seen = u.first_seen FROM (
          SELECT unnest($1) AS message_id, unnest($2) AS first_seen) u
        WHERE hot_messages.message_id = u.message_id AND hot_messages.first_seen > u.first_seen`,
        [BIGINT, [...this.#firstSeen.keys()].map(BigInt)],
        [TIMESTAMPTZ, [...this.#firstSeen.values()].map(instant)],
      );
      await changeColdFirstSeen(connection, [...this.#firstSeen]);
    }
    await this.#sessions.apply(connection);
  }

  async #fill(connection: DuckDBConnection): Promise<void> {
    const all = [...this.#raws].map(([id, raw]) => ({ id, raw, facts: gossipFacts(raw) }));
    const column = <T>(value: (one: typeof all[number]) => T) => all.map(value);
    await update(
      connection,
      `UPDATE hot_messages SET type = u.type, size = u.size, scid = u.scid, direction = u.direction,
        node_id = u.node_id, own_timestamp = u.own_timestamp, inner_id = u.inner_id, raw = u.raw
      FROM (SELECT unnest($1) AS message_id, unnest($2) AS type, unnest($3) AS size, unnest($4) AS scid,
        unnest($5) AS direction, unnest($6) AS node_id, unnest($7) AS own_timestamp, unnest($8) AS inner_id,
        unnest($9) AS raw) u
      WHERE hot_messages.message_id = u.message_id AND hot_messages.raw IS NULL`,
      [BIGINT, column(({ id }) => BigInt(id))],
      [INTEGER, column(({ facts }) => facts.type)],
      [INTEGER, column(({ facts }) => facts.size)],
      [BIGINT, column(({ facts }) => facts.scid)],
      [SMALLINT, column(({ facts }) => facts.direction)],
      [VARCHAR, column(({ facts }) => facts.nodeId)],
      [TIMESTAMPTZ, column(({ facts }) => ownTimestamp(facts))],
      [BLOB, column(({ facts }) => facts.innerId && bytes(facts.innerId))],
      [BLOB, column(({ raw }) => bytes(raw))],
    );
  }
}

export type SessionReport = SessionState | SessionClosed;

type SessionColumn = readonly [string, DuckDBType, (event: SessionReport) => DuckDBValue];

const ended = <T>(event: SessionReport, value: (closed: SessionClosed) => T): T | null =>
  event.kind === "session_closed" ? value(event) : null;

const COLUMNS: readonly SessionColumn[] = [
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

/** Of each session the report at its end counts, else the latest. */
class StagedSessions {
  readonly #reports = new Map<string, { epochId: number; event: SessionReport }>();

  add(epochId: number, event: SessionReport): void {
    const key = `${epochId}/${event.session}`;
    const known = this.#reports.get(key)?.event;
    const isOlder = known && event.kind === "session_state" &&
      (known.kind === "session_closed" || known.at > event.at);
    if (!isOlder) this.#reports.set(key, { epochId, event });
  }

  async apply(connection: DuckDBConnection): Promise<void> {
    const reports = [...this.#reports.values()];
    if (reports.length === 0) return;
    await update(
      connection,
      UPDATE,
      [INTEGER, reports.map(({ epochId }) => epochId)],
      [BIGINT, reports.map(({ event }) => BigInt(event.session))],
      ...COLUMNS.map(([, type, value]) =>
        [type, reports.map(({ event }) => value(event))] as const
      ),
    );
  }
}
