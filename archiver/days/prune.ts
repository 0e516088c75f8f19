// Message numbers that nothing can name any more.

import { BIGINT, type DuckDBConnection } from "@duckdb/node-api";

/** An epoch that was cut off, and followed by another, may still have batches in its collector's spool for so long. */
const CUT_OFF_MICROSECONDS = 30 * 86_400_000_000;

/**
 * Forgets what the message numbers of finished epochs mean, where the messages are cold. An epoch is finished when it
 * ended and all that it stamped is here, or when it was cut off long ago. What waits for being told keeps its numbers.
 *
 * @param now µs since the Unix epoch.
 * @returns how many were forgotten.
 */
export async function pruneNumbers(connection: DuckDBConnection, now: number): Promise<number> {
  const reader = await connection.runAndReadAll(
    `DELETE FROM message_numbers WHERE epoch_id IN (
      SELECT e.epoch_id FROM epochs e
      WHERE ((e.ended_at IS NOT NULL AND e.receipts = e.stamped_receipts
          AND NOT EXISTS (SELECT 1 FROM gaps g WHERE g.epoch_id = e.epoch_id))
        OR (e.last_commit_at < make_timestamptz($1)
          AND EXISTS (SELECT 1 FROM epochs later
            WHERE later.collector_id = e.collector_id AND later.started_at > e.started_at)))
        AND NOT EXISTS (SELECT 1 FROM unresolved_receipts u WHERE u.epoch_id = e.epoch_id)
        AND NOT EXISTS (SELECT 1 FROM unresolved_events u WHERE u.epoch_id = e.epoch_id)
    ) AND message_id IN (SELECT message_id FROM cold_messages)`,
    [BigInt(now - CUT_OFF_MICROSECONDS)],
    [BIGINT],
  );
  return Number(reader.getRows()[0][0]);
}
