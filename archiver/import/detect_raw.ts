// How a source's messages are kept: in which text, and what of each.

import { DuckDBBlobValue, type DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../shared/errors.ts";
import { type Row, rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import { nodeIdReading, type Reading, scidReadings, type SourceColumn } from "./columns.ts";
import { formShares, isGossipType, type KeptMessage, RAW_FORMS, type RawForm } from "./raw_form.ts";
import { decodeText, detectTextEncoding, encodingName, type TextEncoding } from "./raw_text.ts";
import type { Source, SourceFile, SourceTable } from "./source.ts";

/** How messages are kept. */
export interface RawEncoding {
  /** How texts in `messages.raw` hold bytes; null when it holds bytes. */
  readonly text: TextEncoding | null;
  /** What the bytes are of a message. */
  readonly form: RawForm;
  /** What was found of `messages.raw`, for the reader. */
  readonly told: string;
  /** What was found of `metadata.scid`, for the reader. */
  readonly scid: string;
}

/** A source's columns, by table and name. */
export type Columns = (table: SourceTable, name: string) => SourceColumn;

/** Messages looked at, from the beginning of the first file. */
const SAMPLE_MESSAGES = 2000;
/** A form must fit so much of the sample. */
const LEAST_SHARE = 0.9;

/**
 * Looks at the first messages and at what metadata says of them.
 *
 * @param type how `metadata.type` is read.
 * @throws {UserError} when nothing known fits.
 */
export async function detectRaw(
  connection: DuckDBConnection,
  { folder, files }: Source,
  column: Columns,
  type: Reading,
): Promise<RawEncoding> {
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
