/**
 * Changes to rows that are already in the archive: gathered, then made with one UPDATE a kind.
 *
 * @module
 */
import {
  BIGINT,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
  INTEGER,
  LIST,
  listValue,
  TIMESTAMPTZ,
  VARCHAR,
} from "@duckdb/node-api";
import type { SessionClosed, Verdict } from "../../shared/batch/batch.ts";
import { bigintOrNull, instant, instantOrNull } from "./rows.ts";

/** Verdicts that a later one replaces. */
const UNDECIDED: ReadonlySet<Verdict> = new Set(["unchecked", "unknown_signer"]);

/** Which of two verdicts on a message holds: the first that decides. */
export function laterVerdict(earlier: Verdict, later: Verdict): Verdict {
  return UNDECIDED.has(earlier) && later !== "unchecked" ? later : earlier;
}

/** See the module. */
export class StagedChanges {
  readonly #verdicts = new Map<number, Verdict>();
  readonly #firstSeen = new Map<number, number>();
  readonly #closed: { readonly epochId: number; readonly event: SessionClosed }[] = [];

  /** A verdict on a message, by message_id. */
  verdict(messageId: number, verdict: Verdict): void {
    this.#verdicts.set(
      messageId,
      laterVerdict(this.#verdicts.get(messageId) ?? "unchecked", verdict),
    );
  }

  /** A receipt of a message, by message_id: if it is earlier than all others, it is its first. */
  firstSeen(messageId: number, receivedAt: number): void {
    const known = this.#firstSeen.get(messageId) ?? Infinity;
    if (receivedAt < known) this.#firstSeen.set(messageId, receivedAt);
  }

  /** The end of a session of an epoch. */
  closed(epochId: number, event: SessionClosed): void {
    this.#closed.push({ epochId, event });
  }

  /** Makes the changes within the connection's transaction. */
  async apply(connection: DuckDBConnection): Promise<void> {
    const verdicts = [...this.#verdicts].filter(([, verdict]) => verdict !== "unchecked");
    if (verdicts.length > 0) {
      await update(
        connection,
        `UPDATE hot_messages SET verdict = u.verdict FROM (
          SELECT unnest($1) AS message_id, unnest($2) AS verdict) u
        WHERE hot_messages.message_id = u.message_id
          AND hot_messages.verdict IN ('unchecked', 'unknown_signer')`,
        [BIGINT, verdicts.map(([id]) => BigInt(id))],
        [VARCHAR, verdicts.map(([, verdict]) => verdict)],
      );
    }
    if (this.#firstSeen.size > 0) {
      await update(
        connection,
        `UPDATE hot_messages SET first_seen = u.first_seen FROM (
          SELECT unnest($1) AS message_id, unnest($2) AS first_seen) u
        WHERE hot_messages.message_id = u.message_id AND hot_messages.first_seen > u.first_seen`,
        [BIGINT, [...this.#firstSeen.keys()].map(BigInt)],
        [TIMESTAMPTZ, [...this.#firstSeen.values()].map(instant)],
      );
    }
    if (this.#closed.length > 0) await this.#closeSessions(connection);
  }

  async #closeSessions(connection: DuckDBConnection): Promise<void> {
    const column = (value: (event: SessionClosed) => DuckDBValue) =>
      this.#closed.map(({ event }) => value(event));
    await update(
      connection,
      `UPDATE sessions SET closed_at = u.closed_at, closed_by = u.closed_by,
        close_reason = u.close_reason, receipts = u.receipts, bytes_in = u.bytes_in,
        bytes_out = u.bytes_out, first_gossip_at = u.first_gossip_at,
        last_gossip_at = u.last_gossip_at
      FROM (SELECT unnest($1) AS epoch_id, unnest($2) AS number, unnest($3) AS closed_at,
        unnest($4) AS closed_by, unnest($5) AS close_reason, unnest($6) AS receipts,
        unnest($7) AS bytes_in, unnest($8) AS bytes_out, unnest($9) AS first_gossip_at,
        unnest($10) AS last_gossip_at) u
      WHERE sessions.epoch_id = u.epoch_id AND sessions.number = u.number`,
      [INTEGER, this.#closed.map(({ epochId }) => epochId)],
      [BIGINT, column((event) => BigInt(event.session))],
      [TIMESTAMPTZ, column((event) => instant(event.at))],
      [VARCHAR, column((event) => event.by)],
      [VARCHAR, column((event) => event.reason)],
      [BIGINT, column((event) => BigInt(event.receipts))],
      [BIGINT, column((event) => bigintOrNull(event.bytes_in))],
      [BIGINT, column((event) => bigintOrNull(event.bytes_out))],
      [TIMESTAMPTZ, column((event) => instantOrNull(event.first_gossip_at))],
      [TIMESTAMPTZ, column((event) => instantOrNull(event.last_gossip_at))],
    );
  }
}

/** Runs an UPDATE whose parameters are columns of one length. */
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
