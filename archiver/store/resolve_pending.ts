// Unresolved rows: once the archive has what they name, receipts move to their table and events are applied.

import type { DuckDBConnection } from "@duckdb/node-api";
import { RECEIPT_REPEAT, RECEIPT_WARMUP, type Verdict } from "../../shared/batch/batch.ts";
import { decodeEvents } from "../../shared/batch/events.ts";
import { rowsOf } from "./database.ts";
import type { Epoch } from "./epoch.ts";
import type { SessionReport, StagedChanges } from "./staged.ts";
import { outdateSummaries } from "./summaries.ts";

/** Unresolved receipts whose message and session are both known now. */
const RESOLVED_RECEIPTS = `unresolved_receipts u
  JOIN message_numbers n ON n.epoch_id = u.epoch_id AND n.number = u.message_number
  JOIN sessions s ON s.epoch_id = u.epoch_id AND s.number = u.session_number
  WHERE u.epoch_id = $1`;

/** Resolves what it can of one epoch, within the connection's transaction. */
export async function resolvePending(
  connection: DuckDBConnection,
  epoch: Epoch,
  changes: StagedChanges,
): Promise<void> {
  const firstReceipts = await rowsOf(
    connection,
    `SELECT n.message_id, epoch_us(min(u.received_at)) AS received_at
    FROM ${RESOLVED_RECEIPTS} GROUP BY n.message_id`,
    [epoch.id],
  );
  for (const { message_id, received_at } of firstReceipts) {
    changes.firstSeen(Number(message_id), Number(received_at));
  }
  if (firstReceipts.length > 0) {
    const earliest = Math.min(...firstReceipts.map(({ received_at }) => Number(received_at)));
    await outdateSummaries(connection, earliest);
  }
  await connection.run(
    `INSERT INTO hot_receipts
    SELECT u.received_at, n.message_id, s.peer_id, s.collector_id, u.flags & ${RECEIPT_REPEAT} <> 0, u.flags & ${RECEIPT_WARMUP} <> 0
    FROM ${RESOLVED_RECEIPTS} ORDER BY u.received_at`,
    [epoch.id],
  );
  await connection.run(
    `DELETE FROM unresolved_receipts WHERE epoch_id = $1
      AND message_number IN (SELECT number FROM message_numbers WHERE epoch_id = $1)
      AND session_number IN (SELECT number FROM sessions WHERE epoch_id = $1)`,
    [epoch.id],
  );
  await resolveEvents(connection, epoch, changes);
}

async function resolveEvents(
  connection: DuckDBConnection,
  epoch: Epoch,
  changes: StagedChanges,
): Promise<void> {
  const verdicts = await rowsOf(
    connection,
    `SELECT n.message_id, u.event FROM unresolved_events u
    JOIN message_numbers n ON n.epoch_id = u.epoch_id AND n.number = u.message_number
    WHERE u.epoch_id = $1`,
    [epoch.id],
  );
  for (const { message_id, event } of verdicts) {
    const { verdict } = JSON.parse(String(event)) as { verdict: Verdict };
    changes.verdict(Number(message_id), verdict);
  }
  const reports = await rowsOf(
    connection,
    `SELECT u.event FROM unresolved_events u
    JOIN sessions s ON s.epoch_id = u.epoch_id AND s.number = u.session_number
    WHERE u.epoch_id = $1`,
    [epoch.id],
  );
  for (const { event } of reports) {
    const [read] = decodeEvents(new TextEncoder().encode(`[${event}]`));
    changes.session(epoch.id, read as SessionReport);
  }
  await connection.run(
    `DELETE FROM unresolved_events WHERE epoch_id = $1
      AND (message_number IN (SELECT number FROM message_numbers WHERE epoch_id = $1)
        OR session_number IN (SELECT number FROM sessions WHERE epoch_id = $1))`,
    [epoch.id],
  );
}
