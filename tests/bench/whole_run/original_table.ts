// The same run as the first Gossip Observer kept it (its DuckDB schema of 2025): three tables, messages by a 64-bit hash,
// peers and collectors by name in every row, one row a message and peer.

import { runChild } from "./children.ts";
import grouped from "./original_grouped.sql" with { type: "text" };
import windows from "./original_windows.sql" with { type: "text" };
import type { SqlOptions, SqlTimes } from "./sql_process.ts";

/** What DuckDB may take. */
export interface Means {
  /** Memory, e.g. `3GiB`. */
  readonly memoryLimit: string;
  /** Threads. */
  readonly threads: number;
}

const HASH = "CAST('0x' || substr(hex(sha256), 1, 16) AS UBIGINT)";
/** In the order in which the messages came, as it had written them. */
const TIMINGS = [
  `CREATE TABLE original.timings (hash UBIGINT NOT NULL, collector VARCHAR NOT NULL, recv_peer VARCHAR NOT NULL,
    recv_peer_hash UBIGINT NOT NULL, recv_timestamp TIMESTAMPTZ NOT NULL, orig_timestamp TIMESTAMPTZ)`,
  `INSERT INTO original.timings
    SELECT m.hash, c.name, p.node_id, p.hash, r.received_at, m.own_timestamp
    FROM receipts r
      JOIN (SELECT message_id, ${HASH} AS hash, own_timestamp FROM messages) m USING (message_id)
      JOIN (SELECT peer_id, node_id, hash(node_id) AS hash FROM peers) p USING (peer_id)
      JOIN collectors c USING (collector_id)
    WHERE NOT r.is_repeat`,
  "CHECKPOINT original",
];
const MESSAGES = [
  `CREATE TABLE original.metadata (hash UBIGINT NOT NULL, type UTINYINT NOT NULL, size USMALLINT NOT NULL,
    orig_node VARCHAR, scid UBIGINT)`,
  `INSERT INTO original.metadata
    SELECT ${HASH}, type - 255, size - 2, node_id, CAST(scid AS UBIGINT) FROM messages`,
  "CREATE TABLE original.messages (hash UBIGINT NOT NULL, raw VARCHAR NOT NULL)",
  `INSERT INTO original.messages SELECT ${HASH}, to_base64(raw[3:]) FROM messages`,
  "CHECKPOINT original",
];

/** Makes those tables of an archive's rows in a new file. @returns what timings takes, bytes a row. */
export async function makeOriginalTable(
  archive: string,
  file: string,
  means: Means,
): Promise<number> {
  const attach = `ATTACH '${file}' AS original`;
  const run = (statements: readonly string[]) => {
    const options: SqlOptions = { path: archive, ...means, statements: [attach, ...statements] };
    return runChild<SqlTimes>("sql_process.ts", options);
  };
  const count = "SELECT count(*) AS rows FROM original.timings";
  const { rows: [{ rows }] } = await run([...TIMINGS, count]);
  const { size } = await Deno.stat(file);
  await run(MESSAGES);
  return size / Number(rows);
}

/** The convergence delay of those tables: in the manner of their own queries, or grouped as ours is. */
export const ORIGINAL_CONVERGENCE = { windows, grouped } as const;

/** Seconds that one of {@link ORIGINAL_CONVERGENCE} takes there. */
export async function originalConvergence(
  file: string,
  means: Means,
  manner: keyof typeof ORIGINAL_CONVERGENCE,
): Promise<number> {
  const statements = [ORIGINAL_CONVERGENCE[manner]];
  const options: SqlOptions = { path: file, ...means, statements };
  const { seconds: [seconds] } = await runChild<SqlTimes>("sql_process.ts", options);
  return seconds;
}
