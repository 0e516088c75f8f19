// How a source's columns are encoded: found in its data, shown to the user, and kept with the import.

import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../shared/errors.ts";
import { rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import {
  hashReading,
  inboundReading,
  instantReading,
  nodeIdReading,
  type Reading,
  type SourceColumn,
  typeReading,
} from "./columns.ts";
import { type Columns, detectRaw, type RawEncoding } from "./raw.ts";
import {
  checkAlike,
  columnTypes,
  REQUIRED_TABLES,
  type Source,
  type SourceFile,
  type SourceTable,
} from "./source.ts";

/** How to read a source. SQL names a row of messages `m`, of metadata `d`, of timings `t`. */
export interface Encodings {
  readonly hashType: string;
  readonly type: Reading;
  /** How texts in `messages.raw` hold bytes; null when it holds bytes. */
  readonly text: RawEncoding["text"];
  readonly form: RawEncoding["form"];
  /** When a row came; null where it cannot be. */
  readonly receivedAt: Reading;
  readonly inbound: Reading;
  readonly peerColumn: string;
  /** The peer's node id, of that column under the name `peer`. */
  readonly nodeId: Reading;
  readonly firstSeen: readonly FirstSeen[];
  readonly summary: Readonly<Record<string, string>>;
}

export interface FirstSeen {
  readonly files: readonly SourceFile[];
  /** The instant, of a row that is named `f`. */
  readonly at: Reading;
}

const TIMING_COLUMNS = {
  export: { receivedAt: "recv_timestamp", peer: "recv_peer" },
  daily: { receivedAt: "net_timestamp", peer: "peer" },
} as const;

const SAMPLE_TIMINGS = 100_000;

/** Detects all of it. @throws {UserError} when a column is missing, or nothing known fits what is in it. */
export async function detectEncodings(
  connection: DuckDBConnection,
  source: Source,
): Promise<Encodings> {
  const { layout, files } = source;
  const first = (table: SourceTable) => {
    const file = files[table].at(0);
    if (file === undefined) {
      throw new UserError(`Cannot import from ${source.folder}: ${table} has no rows`);
    }
    return file;
  };
  const [messages, metadata, timings] = [first("messages"), first("metadata"), first("timings")];
  const firstSeen = files.message_first_seen.at(0);
  for (const table of [...REQUIRED_TABLES, "message_first_seen"] as const) {
    await checkAlike(connection, files[table]);
  }
  const column = await columnsOf(connection, {
    messages,
    metadata,
    timings,
    message_first_seen: firstSeen,
  });
  const names = TIMING_COLUMNS[layout];

  const hashes = [
    column("messages", "hash"),
    column("metadata", "hash"),
    column("timings", "hash"),
    ...firstSeen ? [column("message_first_seen", "hash")] : [],
  ];
  const hash = hashes.map(hashReading)[0];
  if (new Set(hashes.map(({ type }) => type)).size > 1) {
    throw new UserError(
      `Cannot import from ${source.folder}: ${
        hashes.map(({ name, type }) => `${name} is ${type}`).join(", ")
      }; ` +
        "they should be of one type",
    );
  }
  const collector = column("timings", "collector");
  if (collector.type !== "VARCHAR") {
    throw new UserError(
      `Cannot read ${collector.name}: its type is ${collector.type}; it should be VARCHAR`,
    );
  }
  const receivedAt = await detectInstant(connection, timings, column("timings", names.receivedAt));
  const inbound = await detectInbound(connection, timings, column("timings", "dir"));
  const peer = column("timings", names.peer);
  const nodeId = nodeIdReading({ ...peer, sql: "peer" });
  const type = await detectType(connection, metadata, column("metadata", "type"));
  const raw = await detectRaw(connection, source, column, type);
  return {
    hashType: hashes[0].type!,
    type,
    text: raw.text,
    form: raw.form,
    receivedAt,
    inbound,
    peerColumn: peer.sql,
    nodeId,
    firstSeen: await detectFirstSeen(connection, source, column),
    summary: {
      hash: hash.summary,
      "messages.raw": raw.summary,
      "metadata.type": type.summary,
      "metadata.scid": raw.scid,
      [`timings.${names.receivedAt}`]: receivedAt.summary,
      [`timings.${names.peer}`]: nodeId.summary,
      "timings.dir": inbound.summary,
    },
  };
}

async function columnsOf(
  connection: DuckDBConnection,
  files: Partial<Record<SourceTable, SourceFile>>,
): Promise<Columns> {
  const types = new Map<string, ReadonlyMap<string, string>>();
  for (const [table, file] of Object.entries(files)) {
    if (file !== undefined) types.set(table, await columnTypes(connection, file));
  }
  const alias: Partial<Record<SourceTable, string>> = {
    messages: "m",
    metadata: "d",
    timings: "t",
  };
  return (table, name) => ({
    name: `${table}.${name}`,
    sql: `${alias[table] ?? "f"}.${name}`,
    type: types.get(table)?.get(name) ?? null,
  });
}

/** Both places count: the successor has a table for it, and in some of its files a column of messages, too. */
async function detectFirstSeen(
  connection: DuckDBConnection,
  { files }: Source,
  column: Columns,
): Promise<FirstSeen[]> {
  const found: FirstSeen[] = [];
  for (const table of ["message_first_seen", "messages"] as const) {
    const { name, type } = column(table, "first_seen");
    if (files[table].length === 0 || table === "messages" && type === null) continue;
    const at = await detectInstant(connection, files[table][0], {
      name,
      type,
      sql: "f.first_seen",
    });
    found.push({ files: files[table], at });
  }
  return found;
}

async function detectInstant(
  connection: DuckDBConnection,
  file: SourceFile,
  column: SourceColumn,
): Promise<Reading> {
  if (column.type === null || column.type.startsWith("TIMESTAMP")) return instantReading(column);
  const name = column.sql.slice(2);
  const [{ least, greatest }] = await rowsOf(
    connection,
    `SELECT CAST(min(${name}) AS VARCHAR) AS least, CAST(max(${name}) AS VARCHAR) AS greatest
    FROM read_parquet(${literal(file.path)})`,
  );
  const whole = /^-?\d+$/;
  if (!whole.test(String(least)) || !whole.test(String(greatest))) return instantReading(column);
  return instantReading(column, {
    least: BigInt(String(least)),
    greatest: BigInt(String(greatest)),
  });
}

async function detectInbound(
  connection: DuckDBConnection,
  file: SourceFile,
  column: SourceColumn,
): Promise<Reading> {
  if (column.type === null) return inboundReading(column, []);
  const rows = await rowsOf(
    connection,
    `SELECT DISTINCT CAST(dir AS VARCHAR) AS dir FROM
      (SELECT dir FROM read_parquet(${
      literal(file.path)
    }) LIMIT ${SAMPLE_TIMINGS}) WHERE dir IS NOT NULL`,
  );
  return inboundReading(column, rows.map(({ dir }) => String(dir)));
}

async function detectType(
  connection: DuckDBConnection,
  file: SourceFile,
  column: SourceColumn,
): Promise<Reading> {
  if (column.type === null || column.type === "VARCHAR") return typeReading(column, null);
  const [{ greatest }] = await rowsOf(
    connection,
    `SELECT CAST(max(type) AS VARCHAR) AS greatest FROM read_parquet(${literal(file.path)})`,
  );
  return typeReading(column, greatest === null ? null : BigInt(String(greatest)));
}
