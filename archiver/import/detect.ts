/**
 * How a source's columns are encoded: found in its data, told to the user, and kept with the import.
 *
 * @module
 */
import { DuckDBBlobValue, type DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../shared/errors.ts";
import { type Row, rowsOf } from "../store/database.ts";
import {
  hashReading,
  inboundReading,
  instantReading,
  nodeIdReading,
  type Reading,
  scidReadings,
  type SourceColumn,
  typeReading,
} from "./columns.ts";
import { formShares, isGossipType, type KeptMessage, RAW_FORMS, type RawForm } from "./raw_form.ts";
import { decodeText, detectTextEncoding, encodingName, type TextEncoding } from "./raw_text.ts";
import { columnTypes, type Source, type SourceFile, type SourceTable } from "./source.ts";
import { literal } from "./sql.ts";

/** How to read a source. SQL names a row of messages `m`, of metadata `d`, of timings `t`. */
export interface Encodings {
  /** The column type of hashes, alike in all tables. */
  readonly hashType: string;
  /** The BOLT 7 type of a message, from metadata. */
  readonly type: Reading;
  /** How texts in `messages.raw` hold bytes; null when it holds bytes. */
  readonly text: TextEncoding | null;
  /** What the bytes are of a message. */
  readonly form: RawForm;
  /** When a row came; null where it cannot be. */
  readonly receivedAt: Reading;
  /** Whether it came in. */
  readonly inbound: Reading;
  /** The peer's column. */
  readonly peerColumn: string;
  /** The peer's node id, of that column under the name `peer`. */
  readonly nodeId: Reading;
  /** When a message was first seen, of a row of messages; null when messages do not tell. */
  readonly firstSeen: Reading | null;
  /** What was found, by column. */
  readonly told: Readonly<Record<string, string>>;
}

/** The names of columns that differ between layouts. */
const TIMING_COLUMNS = {
  export: { receivedAt: "recv_timestamp", peer: "recv_peer" },
  daily: { receivedAt: "net_timestamp", peer: "peer" },
} as const;

/** Messages looked at, from the beginning of the first files. */
const SAMPLE_MESSAGES = 2000;
/** Timings whose direction is looked at. */
const SAMPLE_TIMINGS = 100_000;
/** A form must fit so much of the sample. */
const LEAST_SHARE = 0.9;

/**
 * Detects all of it.
 *
 * @throws {UserError} when a column is missing, or nothing known fits what is in it.
 */
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
  const column = await columnsOf(connection, { messages, metadata, timings });
  const names = TIMING_COLUMNS[layout];

  const hashes = [
    column("messages", "hash"),
    column("metadata", "hash"),
    column("timings", "hash"),
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
  const hint = column("messages", "first_seen");
  return {
    hashType: hashes[0].type!,
    type,
    text: raw.text,
    form: raw.form,
    receivedAt,
    inbound,
    peerColumn: peer.sql,
    nodeId,
    firstSeen: hint.type === null ? null : await detectInstant(connection, messages, hint),
    told: {
      hash: hash.told,
      "messages.raw": raw.told,
      "metadata.type": type.told,
      "metadata.scid": raw.scid,
      [`timings.${names.receivedAt}`]: receivedAt.told,
      [`timings.${names.peer}`]: nodeId.told,
      "timings.dir": inbound.told,
    },
  };
}

type Columns = (table: SourceTable, name: string) => SourceColumn;

async function columnsOf(
  connection: DuckDBConnection,
  files: Record<SourceTable, SourceFile>,
): Promise<Columns> {
  const types = {
    messages: await columnTypes(connection, files.messages),
    metadata: await columnTypes(connection, files.metadata),
    timings: await columnTypes(connection, files.timings),
  };
  const alias = { messages: "m", metadata: "d", timings: "t" };
  return (table, name) => ({
    name: `${table}.${name}`,
    sql: `${alias[table]}.${name}`,
    type: types[table].get(name) ?? null,
  });
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

async function detectRaw(
  connection: DuckDBConnection,
  { folder, files }: Source,
  column: Columns,
  type: Reading,
): Promise<{ text: TextEncoding | null; form: RawForm; told: string; scid: string }> {
  const raw = column("messages", "raw");
  if (raw.type !== "VARCHAR" && raw.type !== "BLOB") {
    throw new UserError(
      `Cannot read ${raw.name}: its type is ${raw.type}; it should be VARCHAR or BLOB`,
    );
  }
  const scids = scidReadings(column("metadata", "scid"));
  const node = column("metadata", "orig_node");
  const nodeId = node.type === null ? "NULL" : nodeIdReading(node).sql;
  const rows = (await rowsOf(
    connection,
    `SELECT m.raw, ${type.sql} AS type, ${nodeId} AS node_id,
      ${scids.map(({ sql }, i) => `${sql} AS scid${i}`).concat("NULL AS none").join(", ")}
    FROM (SELECT * FROM read_parquet(${literal(files.messages[0].path)}) LIMIT ${SAMPLE_MESSAGES}) m
    JOIN read_parquet(${metadataOf(files, files.messages[0])}) d ON d.hash = m.hash`,
  )).filter(({ type }) => isGossipType(Number(type)));
  if (rows.length === 0) {
    throw new UserError(
      `Cannot import from ${folder}: no gossip message among the first of ${
        files.messages[0].name
      } has metadata`,
    );
  }
  const texts = rows.map(({ raw }) => raw).filter((raw) => typeof raw === "string");
  const text = raw.type === "BLOB" ? null : detectTextEncoding(texts);
  if (raw.type === "VARCHAR" && text === null) {
    throw new UserError(
      `Cannot read ${raw.name}: its texts should be base64 (either alphabet) or hex, all alike`,
    );
  }
  const found = (scids.length === 0 ? [{ told: "no such column" }] : scids).flatMap(
    ({ told }, i) => {
      const messages = rows.map((row) => keptMessage(row, text, `scid${i}`));
      return Object.entries(formShares(messages)).map(([form, share]) => ({
        form: form as RawForm,
        share,
        scid: told,
      }));
    },
  );
  const best = found.reduce((a, b) => b.share > a.share ? b : a);
  if (best.share < LEAST_SHARE) {
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
    told: `${encoding}, of ${RAW_FORMS[best.form]}; ${fits}`,
    scid: best.scid,
  };
}

function keptMessage(row: Row, text: TextEncoding | null, scid: string): KeptMessage {
  return {
    type: Number(row.type),
    kept: keptBytes(row.raw, text) ?? new Uint8Array(0),
    scid: row[scid] as bigint | null ?? null,
    nodeId: row.node_id as string | null,
  };
}

/** The bytes of a value of `messages.raw`; null when it is not as detected. */
export function keptBytes(raw: unknown, text: TextEncoding | null): Uint8Array | null {
  if (text === null) return raw instanceof DuckDBBlobValue ? raw.bytes : null;
  return typeof raw === "string" ? decodeText(raw, text) : null;
}

/** The metadata of a file of messages, as SQL's list of paths: those of the same day, or all of an export. */
export function metadataOf(files: Source["files"], messages: SourceFile): string {
  const paths = files.metadata.filter(({ day }) => day === messages.day).map(({ path }) =>
    literal(path)
  );
  return `[${paths.join(", ")}]`;
}
