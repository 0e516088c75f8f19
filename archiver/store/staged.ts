// Changes to rows that are already in the archive: gathered, then made with one UPDATE a kind.

import { BIGINT, type DuckDBConnection, TIMESTAMPTZ, VARCHAR } from "@duckdb/node-api";
import type { Verdict } from "../../shared/batch/batch.ts";
import { changeColdFirstSeen, changeColdVerdicts } from "./cold.ts";
import { instant } from "./rows.ts";
import { type SessionTold, StagedSessions } from "./staged_sessions.ts";
import { update } from "./update.ts";

/** Verdicts that a later one replaces. */
const UNDECIDED: ReadonlySet<Verdict> = new Set(["unchecked", "unknown_signer"]);

/** Which of two verdicts on a message holds: the first that decides. */
export function laterVerdict(earlier: Verdict, later: Verdict): Verdict {
  return UNDECIDED.has(earlier) && later !== "unchecked" ? later : earlier;
}

export class StagedChanges {
  readonly #verdicts = new Map<number, Verdict>();
  readonly #firstSeen = new Map<number, number>();
  readonly #sessions = new StagedSessions();

  verdict(messageId: number, verdict: Verdict): void {
    this.#verdicts.set(
      messageId,
      laterVerdict(this.#verdicts.get(messageId) ?? "unchecked", verdict),
    );
  }

  firstSeen(messageId: number, receivedAt: number): void {
    const known = this.#firstSeen.get(messageId) ?? Infinity;
    if (receivedAt < known) this.#firstSeen.set(messageId, receivedAt);
  }

  session(epochId: number, event: SessionTold): void {
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
          AND hot_messages.verdict IN ('unchecked', 'unknown_signer')`,
        [BIGINT, verdicts.map(([id]) => BigInt(id))],
        [VARCHAR, verdicts.map(([, verdict]) => verdict)],
      );
      await changeColdVerdicts(connection, verdicts);
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
      await changeColdFirstSeen(connection, [...this.#firstSeen]);
    }
    await this.#sessions.apply(connection);
  }
}
