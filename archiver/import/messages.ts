// A source's messages into the archive: each distinct one is decoded, hashed and looked up once.

import { DuckDBBlobValue, type DuckDBConnection, type DuckDBValue } from "@duckdb/node-api";
import { createHash } from "node:crypto";
import { findCold } from "../store/cold.ts";
import { type Row, rowsOf } from "../store/database.ts";
import { bytes, messageRow, RowBuffer } from "../store/rows.ts";
import { literal } from "../store/sql.ts";
import { IdSequence } from "../store/state.ts";
import { signedHash } from "./columns.ts";
import type { Encodings } from "./detect.ts";
import { isGossipType, keptBytes, metadataOf, wholeMessage } from "./raw.ts";
import { addFates, type FileProgress, type Import, IMPORTED, noteRowsDone } from "./ledger.ts";
import type { Source } from "./source.ts";

/** The fate of a message that the archive had already. */
const KNOWN = "imported, the archive had it";
/** Why a message was not taken. Receipts of the latter three are not taken either, for the same reason. */
const SKIPPED = {
  twice: "its hash came before",
  untyped: "no metadata",
  other: "no gossip, a ping or pong",
  undecodable: "raw cannot be decoded",
} as const;

/** What bringing in messages needs. */
export interface MessageImport {
  readonly connection: DuckDBConnection;
  readonly source: Source;
  readonly encodings: Encodings;
  readonly into: Import;
}

/**
 * Brings the next rows of a file of messages into the archive, in one transaction.
 *
 * @param maxRows at most so many.
 */
export async function importMessages(
  { connection, source, encodings, into }: MessageImport,
  progress: FileProgress,
  maxRows: number,
): Promise<void> {
  const { file, rowsDone } = progress;
  const end = Math.min(file.rows, rowsDone + maxRows);
  await connection.run("BEGIN");
  const rows = await readRows(connection, source, encodings, progress, end);
  const before = await hashesBefore(connection, into.id, rows);
  const read = rows.map((row) => readMessage(row, encodings, before));
  const ids = await messageIds(connection, read);

  const messages = new RowBuffer("hot_messages");
  const mapped = new RowBuffer("import_messages");
  const fates = new Map<string, number>();
  for (const { hash, message, skipped } of read) {
    const known = message && ids.known.get(message.key);
    const id = known ?? (message && ids.take(message.key));
    if (id !== null && known === undefined) {
      // Nobody has checked its signatures.
      const { raw, sha256 } = message!;
      // Later than any receipt; the first receipt corrects it.
      const firstSeen = into.startedAt;
      messages.push(...messageRow({ id, sha256, raw, verdict: "unchecked", firstSeen }));
    }
    if (hash !== null && skipped !== SKIPPED.twice) {
      mapped.push(into.id, hash, id === null ? null : BigInt(id), skipped);
    }
    const fate = skipped ?? (known === undefined ? IMPORTED : KNOWN);
    fates.set(fate, (fates.get(fate) ?? 0) + 1);
  }
  await messages.append(connection);
  await mapped.append(connection);
  const counts = [...fates].map(([fate, count]) => `('', ${literal(fate)}, ${count})`);
  await addFates(
    connection,
    into.id,
    file,
    `SELECT * FROM (VALUES ${counts.join(", ")}) c(collector, fate, row_count)`,
  );
  await noteRowsDone(connection, into.id, file, end);
  await connection.run("COMMIT");
  progress.rowsDone = end;
}

async function readRows(
  connection: DuckDBConnection,
  source: Source,
  { type }: Encodings,
  { file, rowsDone }: FileProgress,
  end: number,
): Promise<Row[]> {
  const from = `(SELECT hash, raw FROM read_parquet(${literal(file.path)})
    WHERE file_row_number >= ${rowsDone} AND file_row_number < ${end}) m`;
  const metadata = metadataOf(source.files, file);
  const sql = metadata === "[]"
    ? `SELECT m.hash, m.raw, NULL AS type FROM ${from}`
    : `SELECT m.hash, m.raw, k.type FROM ${from} LEFT JOIN (
        SELECT d.hash, min(${type.sql}) AS type FROM read_parquet(${metadata}) d
        WHERE d.hash IN (SELECT hash FROM ${from}) GROUP BY d.hash
      ) k ON k.hash = m.hash`;
  return await rowsOf(connection, sql);
}

/** Of the rows' hashes, those that came before in this import. */
async function hashesBefore(
  connection: DuckDBConnection,
  importId: number,
  rows: readonly Row[],
): Promise<Set<bigint>> {
  await stageAsked(connection, rows.map(({ hash }) => [hashOf(hash), null]));
  const found = await rowsOf(
    connection,
    "SELECT hash FROM import_messages WHERE import_id = $1 AND hash IN (SELECT hash FROM import_asked)",
    [importId],
  );
  return new Set(found.map(({ hash }) => hash as bigint));
}

/** Makes a temporary table of what is looked for: as a parameter it would cost a native value each. */
async function stageAsked(
  connection: DuckDBConnection,
  values: readonly [hash: bigint | null, sha256: DuckDBValue][],
): Promise<void> {
  await connection.run("CREATE OR REPLACE TEMP TABLE import_asked (hash BIGINT, sha256 BLOB)");
  const rows = new RowBuffer("import_asked");
  for (const value of values) rows.push(...value);
  await rows.append(connection);
}

function hashOf(value: DuckDBValue): bigint | null {
  return signedHash(value instanceof DuckDBBlobValue ? value.bytes : value);
}

interface SourceMessage {
  readonly raw: Uint8Array;
  readonly sha256: Uint8Array;
  /** The SHA-256 as hex. */
  readonly key: string;
}

interface ReadMessage {
  readonly hash: bigint | null;
  readonly message: SourceMessage | null;
  readonly skipped: string | null;
}

/** Reads a row; its hash is among those `before` from then on. */
function readMessage(row: Row, encodings: Encodings, before: Set<bigint>): ReadMessage {
  const hash = hashOf(row.hash);
  const skip = (skipped: string) => ({ hash, message: null, skipped });
  if (hash === null) return skip(SKIPPED.undecodable);
  if (before.has(hash)) return skip(SKIPPED.twice);
  before.add(hash);
  if (row.type === null) return skip(SKIPPED.untyped);
  const type = Number(row.type);
  if (!isGossipType(type)) return skip(SKIPPED.other);
  const kept = keptBytes(row.raw, encodings.text);
  const raw = kept && wholeMessage(encodings.form, type, kept);
  if (raw === null) return skip(SKIPPED.undecodable);
  const sha256 = createHash("sha256").update(raw).digest();
  return { hash, message: { raw, sha256, key: sha256.toHex() }, skipped: null };
}

/** The ids of messages by {@link SourceMessage.key}: those the archive has, and new ones for the others. */
async function messageIds(connection: DuckDBConnection, read: readonly ReadMessage[]) {
  const [{ last }] = await rowsOf(
    connection,
    `SELECT coalesce(max(message_id), 0) AS last FROM
      (SELECT message_id FROM hot_messages UNION ALL SELECT message_id FROM cold_messages)`,
  );
  const asked = read.flatMap(({ message }) => message ? message.sha256 : []);
  await stageAsked(connection, asked.map((sha256) => [null, bytes(sha256)]));
  const hot = await rowsOf(
    connection,
    "SELECT message_id, sha256 FROM hot_messages WHERE sha256 IN (SELECT sha256 FROM import_asked)",
  );
  const [{ cold }] = await rowsOf(connection, "SELECT count(*) AS cold FROM cold_messages");
  const known = Number(cold) === 0 ? new Map<string, number>() : await findCold(connection, asked);
  for (const { message_id, sha256 } of hot) {
    known.set((sha256 as DuckDBBlobValue).bytes.toHex(), Number(message_id));
  }
  const ids = new IdSequence("messages", Number(last) + 1);
  return {
    known,
    take: (key: string) => {
      const id = ids.take();
      known.set(key, id);
      return id;
    },
  };
}
