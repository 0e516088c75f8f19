// How a source keeps messages, and the whole messages made of that.
//
// The data of 2025 has what is signed, without type and signatures, though its `size` counts the signatures: the first
// observer's fork of ldk-node encoded the unsigned message and added their length. Since December 2025 it encodes all
// but the type. Signatures that were not kept cannot be brought back: zero bytes stand in their place, so that the rest
// is where BOLT 7 has it. All that the archive says of such a message is right, its inner id too, but for its SHA-256.

import { DuckDBBlobValue, type DuckDBConnection } from "@duckdb/node-api";
import { Buffer } from "node:buffer";
import { CHANNEL_ANNOUNCEMENT_SIGNED_AT } from "../../shared/bolt/channel_announcement.ts";
import { CHANNEL_UPDATE_SIGNED_AT } from "../../shared/bolt/channel_update.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { NODE_ANNOUNCEMENT_SIGNED_AT } from "../../shared/bolt/node_announcement.ts";
import { UserError } from "../../shared/errors.ts";
import { type Row, rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import { nodeIdReading, type Reading, scidReadings, type SourceColumn } from "./columns.ts";
import type { Source, SourceFile, SourceTable } from "./source.ts";

/** How bytes are written. Padding of base64 may be there or not. */
export type TextEncoding = "base64url" | "base64" | "hex";

const CHARACTERS: Readonly<Record<TextEncoding, RegExp>> = {
  hex: /^(?:[0-9a-fA-F]{2})*$/,
  base64url: /^[A-Za-z0-9_-]*={0,2}$/,
  base64: /^[A-Za-z0-9+/]*={0,2}$/,
};

const BASE64_GROUP = 4;

/** The bytes of a text. @returns null when the text is not of that encoding. */
export function decodeText(text: string, encoding: TextEncoding): Uint8Array | null {
  if (!CHARACTERS[encoding].test(text)) return null;
  if (encoding === "hex") return new Uint8Array(Buffer.from(text, "hex"));
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  // One character holds less than a byte, and padding fills up a group.
  if ((text.length - padding) % BASE64_GROUP === 1) return null;
  if (padding > 0 && text.length % BASE64_GROUP !== 0) return null;
  return new Uint8Array(Buffer.from(text, encoding));
}

/** Texts that may be spoilt without hiding how the others are written. */
const LEAST_TEXT_SHARE = 0.9;

/**
 * Which encoding the texts are of: the one that fits most of them. Hex goes first: hardly a message in base64 looks
 * like hex. Texts that fit both alphabets of base64 mean the same in either.
 * @returns null when none fits nearly all, or there is no text.
 */
export function detectTextEncoding(texts: readonly string[]): TextEncoding | null {
  const fitting = (["hex", "base64url", "base64"] as const).map((encoding) => ({
    encoding,
    count: texts.filter((text) => decodeText(text, encoding) !== null).length,
  }));
  const best = fitting.reduce((a, b) => b.count > a.count ? b : a);
  return texts.length > 0 && best.count >= texts.length * LEAST_TEXT_SHARE ? best.encoding : null;
}

/** An encoding in words. @param padded whether any text ends in padding. */
export function encodingName(encoding: TextEncoding, padded: boolean): string {
  if (encoding === "hex") return "hex";
  const name = encoding === "base64url" ? "URL-safe base64" : "base64";
  return `${name} ${padded ? "with" : "without"} padding`;
}

/** `whole`: type included; `behind_type`: all but the type; `behind_signatures`: what is signed. */
export type RawForm = "whole" | "behind_type" | "behind_signatures";

export const RAW_FORMS: Readonly<Record<RawForm, string>> = {
  whole: "the whole message",
  behind_type: "the message without its two bytes of type",
  behind_signatures:
    "the message without type and signatures (zero bytes stand in for these: SHA-256 differs from the true message's)",
};

const SIGNED_AT: Readonly<Record<number, number>> = {
  256: CHANNEL_ANNOUNCEMENT_SIGNED_AT,
  257: NODE_ANNOUNCEMENT_SIGNED_AT,
  258: CHANNEL_UPDATE_SIGNED_AT,
};

const TYPE_BYTES = 2;

/** Whether the archive takes a message of that type: it is gossip that floods. */
export function isGossipType(type: number): boolean {
  return type in SIGNED_AT;
}

/** A whole message. @param type its type, 256 to 258. @returns null when `kept` does not begin as the form says. */
export function wholeMessage(form: RawForm, type: number, kept: Uint8Array): Uint8Array | null {
  if (form === "whole") {
    return kept.length >= TYPE_BYTES && (kept[0] << 8 | kept[1]) === type ? kept : null;
  }
  const at = form === "behind_type" ? TYPE_BYTES : SIGNED_AT[type];
  const message = new Uint8Array(at + kept.length);
  message[0] = type >> 8;
  message[1] = type & 0xff;
  message.set(kept, at);
  return message;
}

export interface KeptMessage {
  readonly type: number;
  readonly kept: Uint8Array;
  readonly scid: bigint | null;
  readonly nodeId: string | null;
}

/** Whether a message that is kept in `form` says of itself what its source says of it. */
export function fitsForm(form: RawForm, message: KeptMessage): boolean {
  const whole = wholeMessage(form, message.type, message.kept);
  if (whole === null) return false;
  const { scid, nodeId } = gossipFacts(whole);
  // A channel_update is about no node, but a source might name its signer.
  if (message.type === 257) return nodeId !== null && nodeId === (message.nodeId ?? nodeId);
  return scid !== null && scid === (message.scid ?? scid);
}

/** Of each form, the share of the messages that fit it; 0 when there are none. */
export function formShares(messages: readonly KeptMessage[]): Record<RawForm, number> {
  const share = (form: RawForm) =>
    messages.length === 0
      ? 0
      : messages.filter((message) => fitsForm(form, message)).length / messages.length;
  return {
    whole: share("whole"),
    behind_type: share("behind_type"),
    behind_signatures: share("behind_signatures"),
  };
}

export interface RawEncoding {
  /** How texts in `messages.raw` hold bytes; null when it holds bytes. */
  readonly text: TextEncoding | null;
  readonly form: RawForm;
  readonly summary: string;
  readonly scid: string;
}

export type Columns = (table: SourceTable, name: string) => SourceColumn;

const SAMPLE_MESSAGES = 2000;
/** A form must fit this share of the sample. */
const LEAST_FORM_SHARE = 0.9;

/**
 * Looks at the first messages and at what metadata says of them.
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
      const messages = rows.map((row) => keptMessage(row, text, `scid${i}`));
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
