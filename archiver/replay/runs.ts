// A collector's runs, one after the other: each has messages, sessions and a clock of its own.

import type { DuckDBConnection } from "@duckdb/node-api";
import { rowsOf } from "../store/database.ts";
import { ReplayBatches, type Replayed, type ReplayOptions } from "./batches.ts";

/** The batches of all runs in a window. @param first when its first receipt there came, µs. */
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
