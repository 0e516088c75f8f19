// Peers' implementations as a table, for what reads more than a query.

import type { DuckDBConnection } from "@duckdb/node-api";
import type { Window } from "../catalog/parameters.ts";

/** Delivery takes seconds to read: only where bits leave more than this share of the peers unknown. */
const MOST_UNKNOWN = 0.1;

/**
 * Leaves the peers of a window with their implementations in the temporary table `peer_kinds`. Needs the queries' definitions.
 * @param sliceSeconds how long each of three slices is in which delivery is looked at, in network time.
 * @param scale seconds of network time per second of the archive.
 */
export async function notePeerKinds(
  connection: DuckDBConnection,
  { from, to }: Window,
  sliceSeconds: number,
  scale = 1,
): Promise<void> {
  const window = `make_timestamptz(${from}), make_timestamptz(${to})`;
  const note = (select: string) =>
    connection.run(`CREATE OR REPLACE TEMP TABLE peer_kinds AS SELECT peer_id, ${select}`);
  await note(
    `coalesce(arg_max(said, filter_at) FILTER (said <> 'unknown'), 'unknown') AS implementation
    FROM (SELECT *, said_implementation(features) AS said FROM sessions)
    SEMI JOIN session_spans(${window}) USING (session_id) GROUP BY peer_id`,
  );
  const reader = await connection.runAndReadAll(
    "SELECT coalesce(avg(CAST(implementation = 'unknown' AS INTEGER)), 0) FROM peer_kinds",
  );
  if (Number(reader.getRows()[0][0]) <= MOST_UNKNOWN) return;
  await note(`implementation
    FROM peer_implementations(${window}, ${1 / scale}, ${sliceSeconds / scale})`);
}
