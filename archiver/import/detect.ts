// How a source's columns are encoded: found in its data, shown to the user, and kept with the import.

import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../shared/errors.ts";
import { rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import {
  detectTextEncoding,
  encodingName,
  formShares,
  hashReading,
  inboundReading,
  instantReading,
  isGossipType,
  keptBytes,
  nodeIdReading,
  RAW_FORMS,
  type RawForm,
  type Reading,
  scidReadings,
  type SourceColumn,
  type TextEncoding,
  typeReading,
} from "./encodings.ts";
import {
  checkAlike,
  columnTypes,
  metadataOf,
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
  readonly text: TextEncoding | null;
  readonly form: RawForm;
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
  const seen = files.message_first_seen.at(0);
  for (const table of [...REQUIRED_TABLES, "message_first_seen"] as const) {
    await checkAlike(connection, files[table]);
  }
  const tables = { messages, metadata, timings, message_first_seen: seen };
  const column = await columnsOf(connection, tables);
  const names = TIMING_COLUMNS[layout];

  const hashes = [
    column("messages", "hash"),
    column("metadata", "hash"),
    column("timings", "hash"),
    ...seen ? [column("message_first_seen", "hash")] : [],
  ];
  const hash = hashes.map(hashReading)[0];
  if (new Set(hashes.map(({ type }) => type)).size > 1) {
    const types = hashes.map(({ name, type }) => `${name} is ${type}`).join(", ");
    throw new UserError(
      `Cannot import from ${source.folder}: ${types}; they should be of one type`,
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
  const { text, form } = raw;
  const firstSeen = await detectFirstSeen(connection, source, column);
  return {
    ...{ hashType: hashes[0].type!, type, text, form, receivedAt, inbound, nodeId, firstSeen },
    peerColumn: peer.sql,
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
    const seen = { name, type, sql: "f.first_seen" };
    found.push({ files: files[table], at: await detectInstant(connection, files[table][0], seen) });
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
  const bounds = { least: BigInt(String(least)), greatest: BigInt(String(greatest)) };
  return instantReading(column, bounds);
}

async function detectInbound(
  connection: DuckDBConnection,
  file: SourceFile,
  column: SourceColumn,
): Promise<Reading> {
  if (column.type === null) return inboundReading(column, []);
  const sample = `SELECT dir FROM read_parquet(${literal(file.path)}) LIMIT ${SAMPLE_TIMINGS}`;
  const rows = await rowsOf(
    connection,
    `SELECT DISTINCT CAST(dir AS VARCHAR) AS dir FROM (${sample}) WHERE dir IS NOT NULL`,
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

type Columns = (table: SourceTable, name: string) => SourceColumn;

const SAMPLE_MESSAGES = 2000;
/** A form must fit this share of the sample. */
const LEAST_FORM_SHARE = 0.9;

/**
 * Looks at the first messages and at what metadata says of them.
 * @param type how `metadata.type` is read.
 * @throws {UserError} when nothing known fits.
 */
async function detectRaw(
  connection: DuckDBConnection,
  { folder, files }: Source,
  column: Columns,
  type: Reading,
) {
  const raw = column("messages", "raw");
  if (raw.type !== "VARCHAR" && raw.type !== "BLOB") {
    throw new UserError(
      `Cannot read ${raw.name}: its type is ${raw.type}; it should be VARCHAR or BLOB`,
    );
  }
  const scids = scidReadings(column("metadata", "scid"));
  const node = column("metadata", "orig_node");
  const nodeId = node.type === null ? "NULL" : nodeIdReading(node).sql;
  const sample = files.messages.find((file) => metadataOf(files, file) !== "[]");
  if (sample === undefined) {
    throw new UserError(
      `Cannot import from ${folder}: no file of messages has metadata of its day`,
    );
  }
  const rows = (await rowsOf(
    connection,
    `SELECT m.raw, ${type.sql} AS type, ${nodeId} AS node_id,
      ${scids.map(({ sql }, i) => `${sql} AS scid${i}`).concat("NULL AS none").join(", ")}
    FROM (SELECT * FROM read_parquet(${literal(sample.path)}) LIMIT ${SAMPLE_MESSAGES}) m
    JOIN read_parquet(${metadataOf(files, sample)}) d ON d.hash = m.hash`,
  )).filter(({ type }) => isGossipType(Number(type)));
  if (rows.length === 0) {
    throw new UserError(
      `Cannot import from ${folder}: no gossip message among the first of ${sample.name} has metadata`,
    );
  }
  const texts = rows.map(({ raw }) => raw).filter((raw) => typeof raw === "string");
  const text = raw.type === "BLOB" ? null : detectTextEncoding(texts);
  if (raw.type === "VARCHAR" && text === null) {
    throw new UserError(
      `Cannot read ${raw.name}: its texts should be base64 (either alphabet) or hex, all alike`,
    );
  }
  const found = (scids.length === 0 ? [{ summary: "no such column" }] : scids).flatMap(
    ({ summary }, i) => {
      const messages = rows.map((row) => ({
        type: Number(row.type),
        kept: keptBytes(row.raw, text) ?? new Uint8Array(0),
        scid: row[`scid${i}`] as bigint | null ?? null,
        nodeId: row.node_id as string | null,
      }));
      return Object.entries(formShares(messages)).map(([form, share]) => ({
        form: form as RawForm,
        share,
        scid: summary,
      }));
    },
  );
  const best = found.reduce((a, b) => b.share > a.share ? b : a);
  if (best.share < LEAST_FORM_SHARE) {
    const shares = found.map(({ form, share }) => `${form} ${Math.round(share * 100)} %`);
    throw new UserError(
      `Cannot read ${raw.name}: of ${rows.length} messages too few fit what metadata says of them, ` +
        `in any known form (${shares.join(", ")})`,
    );
  }
  const encoding = text === null
    ? "bytes"
    : encodingName(text, texts.some((text) => text.endsWith("=")));
  const fits = `${(best.share * 100).toFixed(best.share === 1 ? 0 : 1)} % of ${rows.length} fit`;
  return {
    text,
    form: best.form,
    summary: `${encoding}, of ${RAW_FORMS[best.form]}; ${fits}`,
    scid: best.scid,
  };
}
