// A source's messages into the archive: each distinct one is decoded, hashed and looked up once.

import { DuckDBBlobValue, type DuckDBConnection, type DuckDBValue } from "@duckdb/node-api";
import { createHash } from "node:crypto";
import { findCold } from "../store/cold.ts";
import { type Row, rowsOf } from "../store/database.ts";
import { bytes, messageRow, RowBuffer } from "../store/rows.ts";
import { literal } from "../store/sql.ts";
import { IdSequence } from "../store/state.ts";
import type { Encodings } from "./detect.ts";
import { isGossipType, keptBytes, signedHash, sourceHashSql, wholeMessage } from "./encodings.ts";
import {
  addFates,
  CURABLE,
  type FileProgress,
  IMPORTED,
  type ImportRun,
  LATE,
  noteRowsDone,
} from "./ledger.ts";
import { metadataOf } from "./source.ts";

const KNOWN = "imported, the archive had it";
/** Why a message was not taken. Receipts of the latter three are not taken either, for the same reason. */
const SKIPPED = {
  twice: "its hash came before",
  untyped: CURABLE.untyped,
  other: "no gossip, a ping or pong",
  undecodable: "raw cannot be decoded",
} as const;

/** Brings the next rows of a file of messages into the archive, in one transaction. @param maxRows the most to take. */
export async function importMessages(
  run: ImportRun,
  progress: FileProgress,
  maxRows: number,
): Promise<void> {
  const { connection } = run;
  const { file, rowsDone } = progress;
  const end = Math.min(file.rows, rowsDone + maxRows);
  await connection.run("BEGIN");
  const rows = await readRows(run, progress, end);
  await addFates(run, file, fatesSql(await takeRows(run, rows)));
  await noteRowsDone(run, file, end);
  await connection.run("COMMIT");
  progress.rowsDone = end;
}

/** Messages that were skipped for want of metadata and have it now: how many, by file. */
export async function countTyped(run: ImportRun): Promise<Map<FileProgress, number>> {
  const found = new Map<FileProgress, number>();
  for (const progress of run.into.files) {
    const sql = typedRows(run, progress);
    if (sql === null) continue;
    const [{ count }] = await rowsOf(run.connection, `SELECT count(*) AS count FROM (${sql})`);
    if (Number(count) > 0) found.set(progress, Number(count));
  }
  return found;
}

/** Reads the messages of {@link countTyped} again, `maxRows` per transaction. */
export async function importTyped(run: ImportRun, maxRows: number): Promise<void> {
  const { connection } = run;
  for (const [progress, count] of await countTyped(run)) {
    for (let done = 0; done < count; done += maxRows) {
      await connection.run("BEGIN");
      const sql = typedRows(run, progress)!;
      const rows = await rowsOf(connection, `${sql} LIMIT ${maxRows}`);
      const fates = await takeRows(run, rows);
      const cured = [...fates.values()].reduce((sum, count) => sum + count, 0);
      fates.set(SKIPPED.untyped, (fates.get(SKIPPED.untyped) ?? 0) - cured);
      await addFates(run, progress.file, fatesSql(fates));
      await connection.run("COMMIT");
    }
  }
}

/** A query of these messages of a file; null when it has no metadata. */
function typedRows(
  { source, encodings: { type, hashType }, into }: ImportRun,
  { file, rowsDone }: FileProgress,
): string | null {
  const metadata = metadataOf(source.files, file);
  if (file.table !== "messages" || rowsDone === 0 || metadata === "[]") return null;
  const untyped = `SELECT ${sourceHashSql(hashType, "hash")} AS hash FROM import_messages
    WHERE import_id = ${into.id} AND skipped = ${literal(SKIPPED.untyped)}`;
  return `SELECT m.hash, any_value(m.raw) AS raw, any_value(k.type) AS type
    FROM read_parquet(${literal(file.path)}) m JOIN (
      SELECT d.hash, min(${type.sql}) AS type FROM read_parquet(${metadata}) d
      WHERE d.hash IN (${untyped}) GROUP BY d.hash
    ) k ON k.hash = m.hash
    WHERE m.file_row_number < ${rowsDone} AND k.type IS NOT NULL GROUP BY m.hash`;
}

function fatesSql(fates: ReadonlyMap<string, number>): string {
  const counts = [...fates].map(([fate, count]) => `('', ${literal(fate)}, ${count})`);
  return `SELECT * FROM (VALUES ${counts.join(", ")}) c(collector, fate, row_count)`;
}

async function takeRows(
  { connection, encodings, into }: ImportRun,
  rows: readonly Row[],
): Promise<Map<string, number>> {
  const { before, waiting } = await hashesBefore(connection, into.id, rows);
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
      const isLate = waiting.has(hash) && skipped !== SKIPPED.untyped;
      const why = isLate ? LATE + (skipped ?? "") : skipped;
      mapped.push(into.id, hash, id === null ? null : BigInt(id), why);
    }
    const fate = skipped ?? (known === undefined ? IMPORTED : KNOWN);
    fates.set(fate, (fates.get(fate) ?? 0) + 1);
  }
  await messages.append(connection);
  await mapped.append(connection);
  return fates;
}

async function readRows(
  { connection, source, encodings: { type } }: ImportRun,
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

/** `waiting`: those that were only missed before; they are taken from `import_messages`. */
async function hashesBefore(connection: DuckDBConnection, importId: number, rows: readonly Row[]) {
  // An untyped row cures nothing but a missing one.
  const asked = rows.map(({ hash, type }) => [hashOf(hash), null, type !== null] as const);
  await stageAsked(connection, asked);
  const curable = `(skipped = ${literal(CURABLE.textless)} OR skipped = ${literal(CURABLE.untyped)}
    AND hash IN (SELECT hash FROM import_asked WHERE is_typed))`;
  const where = "import_id = $1 AND hash IN (SELECT hash FROM import_asked)";
  const found = await rowsOf(
    connection,
    `SELECT hash, CASE WHEN ${curable} THEN skipped END AS missed FROM import_messages WHERE ${where}`,
    [importId],
  );
  const missed = found.filter(({ missed }) => missed !== null);
  if (missed.length > 0) {
    await connection.run(`DELETE FROM import_messages WHERE ${where} AND ${curable}`, [importId]);
  }
  const hashes = (rows: readonly Row[]) => new Set(rows.map(({ hash }) => hash as bigint));
  return { before: hashes(found.filter(({ missed }) => missed === null)), waiting: hashes(missed) };
}

/** Makes a temporary table of what is looked for: as a parameter it would cost a native value each. */
async function stageAsked(
  connection: DuckDBConnection,
  values: readonly (readonly [hash: bigint | null, sha256: DuckDBValue, isTyped: boolean])[],
): Promise<void> {
  await connection.run(
    "CREATE OR REPLACE TEMP TABLE import_asked (hash BIGINT, sha256 BLOB, is_typed BOOLEAN)",
  );
  const rows = new RowBuffer("import_asked");
  for (const value of values) rows.push(...value);
  await rows.append(connection);
}

function hashOf(value: DuckDBValue): bigint | null {
  return signedHash(value instanceof DuckDBBlobValue ? value.bytes : value);
}

interface ReadMessage {
  readonly hash: bigint | null;
  readonly message: { raw: Uint8Array; sha256: Uint8Array; key: string } | null;
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

/** The ids of messages by their key: those the archive has, and new ones for the others. */
async function messageIds(connection: DuckDBConnection, read: readonly ReadMessage[]) {
  const [{ last }] = await rowsOf(
    connection,
    `SELECT coalesce(max(message_id), 0) AS last FROM
      (SELECT message_id FROM hot_messages UNION ALL SELECT message_id FROM cold_messages)`,
  );
  const asked = read.flatMap(({ message }) => message ? message.sha256 : []);
  await stageAsked(connection, asked.map((sha256) => [null, bytes(sha256), true]));
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
