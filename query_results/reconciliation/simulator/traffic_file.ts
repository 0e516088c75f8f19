// The table of messages that lnconv-sim reads: an archive's live messages as Parquet, and back into our simulator.
//
// | column | type | |
// |---|---|---|
// | first_seen_timestamp | timestamp, µs, UTC | ascending |
// | outer_hash | uint64 | first 64 bits of the SHA-256 of the message |
// | inner_hash | uint64 | the same of its content without signatures and timestamp |
// | type | int16 | 1 channel_announcement, 2 node_announcement, 3 channel_update |
// | size | int32 | bytes without the two of the type, as the first observer's metadata |
// | orig_node | text | of type 2, 66 hex characters |
// | scid | uint64 | of types 1 and 3 |

import type { DuckDBConnection } from "@duckdb/node-api";
import { firstLine, UserError } from "../../../shared/errors.ts";
import type { Window } from "../../catalog/parameters.ts";
import { openDatabase } from "../../archive/database.ts";
import { literal } from "../../archive/sql.ts";
import { readTable } from "../../archive/read_table.ts";
import type { GivenTraffic } from "./traffic.ts";

/** Rows that the simulator takes: a day of mainnet has 400,000. */
const MOST_ROWS = 5_000_000;
const COLUMNS = ["first_seen_timestamp", "type", "size", "orig_node", "scid"];

/** Writes the window's live messages to `path`, beside its place first; gives how many. Needs the queries' definitions. */
export async function writeTraffic(
  connection: DuckDBConnection,
  window: Window,
  path: string,
): Promise<number> {
  const [from, to] = [window.from, window.to].map((at) => `make_timestamptz(${at})`);
  const hash = (bytes: string) => `CAST('0x' || substr(hex(${bytes}), 1, 16) AS UBIGINT)`;
  const part = `${path}.part`;
  try {
    const result = await connection.runAndReadAll(`COPY (
      SELECT l.first_seen AS first_seen_timestamp, ${hash("m.sha256")} AS outer_hash,
        coalesce(${hash("l.inner_id")}, ${
      hash("m.sha256")
    }) AS inner_hash, CAST(l.type - 255 AS SMALLINT) AS type,
        CAST(l.size - 2 AS INTEGER) AS size, l.node_id AS orig_node,
        CAST(CAST(l.scid AS HUGEINT) & CAST(18446744073709551615 AS HUGEINT) AS UBIGINT) AS scid
      FROM live_messages(${from}, ${to}, false) l JOIN messages m ON m.message_id = l.message_id
      WHERE l.type BETWEEN 256 AND 258
      ORDER BY l.first_seen, l.message_id
    ) TO ${literal(part)} (FORMAT parquet, COMPRESSION zstd)`);
    await Deno.rename(part, path);
    return Number(result.getRows()[0][0]);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw new UserError(`Cannot write ${path}: ${firstLine(error)}`, { cause: error });
  }
}

/** Reads such a table. Directions are not in it: a channel's updates alternate. @throws {UserError} in one line. */
export async function readTraffic(path: string): Promise<GivenTraffic> {
  using database = await openDatabase();
  try {
    await Deno.stat(path);
    const { rows } = await readTable(
      database.connection,
      `WITH given AS (
        SELECT ${
        COLUMNS.join(", ")
      }, row_number() OVER (PARTITION BY type, scid ORDER BY first_seen_timestamp) % 2 AS side
        FROM read_parquet(${literal(path)}) WHERE type BETWEEN 1 AND 3 LIMIT ${MOST_ROWS + 1}
      )
      SELECT (epoch_us(first_seen_timestamp) - min(epoch_us(first_seen_timestamp)) OVER ()) // 1000 AS ms,
        3 - type AS type, size + 2 AS size,
        dense_rank() OVER (ORDER BY type, orig_node, scid, CASE type WHEN 3 THEN side END) - 1 AS subject
      FROM given ORDER BY first_seen_timestamp`,
      { from: 0, to: 0 },
    );
    if (rows.length === 0) throw new Error("it has no messages");
    if (rows.length > MOST_ROWS) throw new Error(`it has more than ${MOST_ROWS} messages`);
    const column = (i: number) => rows.map((row) => Number(row[i]));
    return {
      bornMs: Int32Array.from(column(0)),
      type: Uint8Array.from(column(1)),
      sizeBytes: Uint16Array.from(column(2)),
      subject: Int32Array.from(column(3)),
    };
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : firstLine(error);
    throw new UserError(`Cannot read traffic from ${path}: ${reason}`, { cause: error });
  }
}
