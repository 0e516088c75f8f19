// Messages in cold files: recognised by a key; later verdicts and earlier receipts are kept beside the files.

import {
  BIGINT,
  type DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
  LIST,
  listValue,
  TIMESTAMPTZ,
  VARCHAR,
} from "@duckdb/node-api";
import type { Verdict } from "../../shared/batch/batch.ts";
import { errorText } from "../../shared/errors.ts";
import { type Row, rowsOf } from "./database.ts";
import type { KeyFilter } from "./key_filter.ts";
import { instant } from "./rows.ts";
import { isUndecided, literals } from "./sql.ts";

const PAGE_KEYS = 1_000_000;
/**
 * Files opened at once. DuckDB looks for up to 50 ids by zone maps; one in each of 60 files of half a million took
 * 0.73 s of CPU file by file, 0.58 s by 16 and 2.1 s all at once.
 */
const FILES_AT_ONCE = 16;

/** A message's key in `cold_messages`: the first 8 bytes of its SHA-256. */
export function shaKey(sha256: Uint8Array): bigint {
  return new DataView(sha256.buffer, sha256.byteOffset).getBigInt64(0);
}

/** {@link shaKey} in SQL. */
export function shaKeySql(column: string): string {
  const half = "9223372036854775808::HUGEINT";
  const unsigned = `CAST('0x' || substr(hex(${column}), 1, 16) AS UBIGINT)::HUGEINT`;
  return `CAST((${unsigned} + ${half}) % (2 * ${half}) - ${half} AS BIGINT)`;
}

/** Adds the keys of all messages, hot and cold, to a filter. */
export async function addAllKeys(connection: DuckDBConnection, filter: KeyFilter): Promise<void> {
  const words = (key: string, ...parts: readonly string[]) =>
    parts.map((part) => `CAST(${part.replaceAll("key", key)} AS UINTEGER)`).join(", ");
  const sources = [
    ["cold_messages", words("sha_key", "(key >> 32) & 4294967295", "key & 4294967295")],
    [
      "hot_messages",
      words("hex(sha256)", "'0x' || substr(key, 1, 8)", "'0x' || substr(key, 9, 8)"),
    ],
  ];
  for (const [table, columns] of sources) {
    const [row] = await rowsOf(connection, `SELECT max(rowid) AS last FROM ${table}`);
    const last = Number(row.last ?? -1);
    for (let from = 0; from <= last; from += PAGE_KEYS) {
      const result = await connection.run(
        `SELECT ${columns} FROM ${table} WHERE rowid >= ${from} AND rowid < ${from + PAGE_KEYS}`,
      );
      for (const chunk of await result.fetchAllChunks()) {
        const [high, low] = [chunk.getColumnVector(0), chunk.getColumnVector(1)];
        for (let i = 0; i < chunk.rowCount; i++) {
          filter.add(Number(high.getItem(i)), Number(low.getItem(i)));
        }
      }
    }
  }
}

/**
 * Finds cold messages. Their keys only say where to look: the file's own SHA-256 decides.
 * @returns message_id by SHA-256 in hex, of those found.
 * @throws {Error} when a file that must be read is missing or unreadable.
 */
export async function findCold(
  connection: DuckDBConnection,
  wanted: readonly Uint8Array[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const candidates = await rowsOf(
    connection,
    `SELECT c.message_id, f.path FROM cold_messages c
    JOIN (SELECT unnest($1) AS sha_key) u ON c.sha_key = u.sha_key
    JOIN day_files f ON f.file_id = c.file_id`,
    [listValue(wanted.map(shaKey))],
    [LIST(BIGINT)],
  );
  const names = new Set(wanted.map((bytes) => bytes.toHex()));
  const byPath = [...Map.groupBy(candidates, (row) => String(row.path))];
  for (let from = 0; from < byPath.length; from += FILES_AT_ONCE) {
    const files = byPath.slice(from, from + FILES_AT_ONCE);
    const messages = await readCold(
      connection,
      files.map(([path]) => path),
      files.flatMap(([, rows]) => rows.map((row) => row.message_id)),
    );
    for (const { message_id, sha256 } of messages) {
      const name = (sha256 as DuckDBBlobValue).bytes.toHex();
      if (names.has(name)) found.set(name, Number(message_id));
    }
  }
  return found;
}

/** Reads messages from their files. */
async function readCold(
  connection: DuckDBConnection,
  paths: readonly string[],
  ids: readonly DuckDBValue[],
): Promise<Row[]> {
  try {
    return await rowsOf(
      connection,
      `SELECT m.message_id, m.sha256 FROM read_parquet(${literals(paths)}) m
      JOIN (SELECT unnest($1) AS message_id) u ON u.message_id = m.message_id`,
      [listValue(ids)],
      [LIST(BIGINT)],
    );
  } catch (error) {
    // DuckDB's own text for a torn file reads as if a value of the commit were at fault.
    const which = paths[0] + (paths.length === 1 ? "" : ` or one of ${paths.length - 1} more`);
    throw new Error(`cannot read ${which}: ${errorText(error)}`, { cause: error });
  }
}

/** Keeps later verdicts on cold messages. The first deciding verdict holds. */
export async function changeColdVerdicts(
  connection: DuckDBConnection,
  verdicts: readonly (readonly [messageId: number, verdict: Verdict])[],
): Promise<void> {
  await changeCold(
    connection,
    { name: "verdict", type: VARCHAR, joined: "AND c.is_undecided" },
    verdicts,
    `n.verdict FROM changed n WHERE message_changes.message_id = n.message_id
      AND (message_changes.verdict IS NULL OR ${isUndecided("message_changes.verdict")})`,
  );
}

/** Keeps receipts of cold messages that may be earlier than the file's first_seen. */
export async function changeColdFirstSeen(
  connection: DuckDBConnection,
  firstSeen: readonly (readonly [messageId: number, receivedAt: number])[],
): Promise<void> {
  // A receipt after the file's last instant is not the first.
  const joined = "JOIN day_files f ON f.file_id = c.file_id AND u.first_seen < f.last_at";
  await changeCold(
    connection,
    { name: "first_seen", type: TIMESTAMPTZ, joined },
    firstSeen.map(([id, receivedAt]) => [id, instant(receivedAt)]),
    `least(message_changes.first_seen, n.first_seen) FROM changed n
    WHERE message_changes.message_id = n.message_id`,
  );
}

/**
 * Adds values of a column to `message_changes`, or where a message has a row there updates it.
 * @param joined what decides which values count: `u` are the values, `c` is `cold_messages`.
 * @param update what follows `SET column =`: the values that count are in `changed`.
 */
async function changeCold(
  connection: DuckDBConnection,
  { name, type, joined }: { name: string; type: DuckDBType; joined: string },
  values: readonly (readonly [messageId: number, value: DuckDBValue])[],
  update: string,
): Promise<void> {
  const changed = `WITH changed AS (
    SELECT u.message_id, u.${name} FROM (SELECT unnest($1) AS message_id, unnest($2) AS ${name}) u
    JOIN cold_messages c ON c.message_id = u.message_id ${joined})`;
  const ids = listValue(values.map(([id]) => BigInt(id)));
  const lists = [ids, listValue(values.map(([, value]) => value))];
  const types = [LIST(BIGINT), LIST(type)];
  await connection.run(
    `${changed} INSERT INTO message_changes (message_id, ${name}) FROM changed n
    WHERE NOT EXISTS (SELECT 1 FROM message_changes m WHERE m.message_id = n.message_id)`,
    lists,
    types,
  );
  await connection.run(`${changed} UPDATE message_changes SET ${name} = ${update}`, lists, types);
}
