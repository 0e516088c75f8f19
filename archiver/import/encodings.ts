// How a source's columns and messages are to be read: SQL for each column, by its type and by what is in it, and the whole
// messages made of what was kept of them.
//
// The data of 2025 has what is signed, without type and signatures, though its `size` counts the signatures: the first
// observer's fork of ldk-node encoded the unsigned message and added their length. Since December 2025 it encodes all
// but the type. Signatures that were not kept cannot be brought back: zero bytes stand in their place, so that the rest
// is where BOLT 7 has it. All that the archive says of such a message is right, its inner id too, but for its SHA-256.

import { DuckDBBlobValue } from "@duckdb/node-api";
import { Buffer } from "node:buffer";
import { CHANNEL_ANNOUNCEMENT_SIGNED_AT } from "../../shared/bolt/channel_announcement.ts";
import { CHANNEL_UPDATE_SIGNED_AT } from "../../shared/bolt/channel_update.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { NODE_ANNOUNCEMENT_SIGNED_AT } from "../../shared/bolt/node_announcement.ts";
import { UserError } from "../../shared/errors.ts";

export interface Reading {
  readonly sql: string;
  readonly summary: string;
}

export interface SourceColumn {
  /** Its table and name, for errors, e.g. `timings.hash`. */
  readonly name: string;
  readonly sql: string;
  /** Its type in DuckDB's words; null when there is no such column. */
  readonly type: string | null;
}

/** Instants outside these seconds since the Unix epoch are none of the Lightning Network's. */
const FIRST_SECOND = 1_420_070_400n; // 2015
const LAST_SECOND = 4_102_444_800n; // 2100

const INTEGER_TYPES: ReadonlySet<string> = new Set([
  ...["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"],
  ...["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"],
]);

function refuse(column: SourceColumn, wish: string): never {
  const found = column.type === null ? "there is no such column" : `its type is ${column.type}`;
  throw new UserError(`Cannot read ${column.name}: ${found}; it should be ${wish}`);
}

/**
 * A 64-bit hash, as a key to join by: in its own type, since it is compared in each row.
 * @throws {UserError} when it is of no known type.
 */
export function hashReading(column: SourceColumn): Reading {
  if (column.type === "UBIGINT" || column.type === "BIGINT") {
    return { sql: column.sql, summary: `64-bit integer (${column.type})` };
  }
  if (column.type === "BLOB") {
    return { sql: column.sql, summary: "8 bytes, least significant first" };
  }
  return refuse(column, "UBIGINT, BIGINT or BLOB");
}

/** A hash column's value as the archive keeps it, a signed integer; null when it is none. */
export function signedHash(value: unknown): bigint | null {
  if (typeof value === "bigint") return BigInt.asIntN(64, value);
  if (!(value instanceof Uint8Array) || value.length !== 8) return null;
  return new DataView(value.buffer, value.byteOffset, 8).getBigInt64(0, true);
}

/** SQL that makes of `signed`, a {@link signedHash}, a value of the source's column type. */
export function sourceHashSql(type: string, signed: string): string {
  if (type === "BIGINT") return signed;
  const unsigned = `CAST(CAST(${signed} AS HUGEINT) & 18446744073709551615::HUGEINT AS UBIGINT)`;
  if (type === "UBIGINT") return unsigned;
  const bytes = `lpad(hex(${unsigned}), 16, '0')`;
  const reversed = [15, 13, 11, 9, 7, 5, 3, 1].map((at) => `substr(${bytes}, ${at}, 2)`);
  return `from_hex(${reversed.join(" || ")})`;
}

/**
 * An instant as TIMESTAMPTZ. Integers are taken to be of the unit in which they lie between 2015 and 2100; a
 * timestamp without time zone is taken to be UTC.
 * @param bounds the least and greatest value of an integer column; absent when there is none.
 * @throws {UserError} when it is of no known type or unit.
 */
export function instantReading(
  column: SourceColumn,
  bounds?: { readonly least: bigint; readonly greatest: bigint },
): Reading {
  const { sql, type } = column;
  if (type === "TIMESTAMP WITH TIME ZONE") return { sql, summary: "instant (TIMESTAMPTZ)" };
  if (type?.startsWith("TIMESTAMP")) {
    return { sql: `make_timestamptz(epoch_us(${sql}))`, summary: `${type}, taken to be UTC` };
  }
  if (type === null || !INTEGER_TYPES.has(type)) {
    return refuse(column, "a timestamp or an integer");
  }
  const unit = bounds && instantUnit(bounds.least, bounds.greatest);
  if (!unit) {
    const values = bounds ? `from ${bounds.least} to ${bounds.greatest}` : "nothing";
    throw new UserError(
      `Cannot read ${column.name}: it holds ${values}; it should be instants from 2015 to 2100 in ` +
        "seconds, milliseconds, microseconds or nanoseconds",
    );
  }
  const integer = `CAST(${sql} AS BIGINT)`;
  return {
    sql: `make_timestamptz(${unit.microseconds(integer)})`,
    summary: `${unit.name} since 1970`,
  };
}

export interface InstantUnit {
  readonly name: string;
  readonly perSecond: bigint;
  readonly microseconds: (sql: string) => string;
}

const UNITS: readonly InstantUnit[] = [
  { name: "seconds", perSecond: 1n, microseconds: (sql) => `${sql} * 1000000` },
  { name: "milliseconds", perSecond: 1000n, microseconds: (sql) => `${sql} * 1000` },
  { name: "microseconds", perSecond: 1_000_000n, microseconds: (sql) => sql },
  { name: "nanoseconds", perSecond: 1_000_000_000n, microseconds: (sql) => `${sql} // 1000` },
];

/** The unit in which both values are plausible instants; there is one at most, since units are 1,000 apart. */
export function instantUnit(least: bigint, greatest: bigint): InstantUnit | undefined {
  return UNITS.find(({ perSecond }) =>
    least >= FIRST_SECOND * perSecond && greatest < LAST_SECOND * perSecond
  );
}

/**
 * A node id: 33 bytes as lower-case hex. Rows that have none give null.
 * @throws {UserError} when the column is of no known type.
 */
export function nodeIdReading(column: SourceColumn): Reading {
  const { sql, type } = column;
  const checked = (hex: string) =>
    `CASE WHEN regexp_full_match(${hex}, '0[23][0-9a-f]{64}') THEN ${hex} END`;
  if (type === "VARCHAR") return { sql: checked(`lower(${sql})`), summary: "hex" };
  if (type === "BLOB") return { sql: checked(`lower(hex(${sql}))`), summary: "33 bytes" };
  return refuse(column, "VARCHAR or BLOB");
}

/**
 * Whether a row is of a message that came in (true), went out (false), or neither can be said (null). Only what came
 * in is a receipt. In the data that this is for, 1 is in and 2 is out.
 * @param values those found in the data.
 * @throws {UserError} when none of them is known.
 */
export function inboundReading(column: SourceColumn, values: readonly string[]): Reading {
  const { sql, type } = column;
  if (type === null) return { sql: "TRUE", summary: "no such column: all came in" };
  const known = INTEGER_TYPES.has(type)
    ? { in: "1", out: "2" }
    : type === "VARCHAR"
    ? { in: "'inbound'", out: "'outbound'" }
    : refuse(column, "an integer or a text");
  const names = [known.in, known.out].map((name) => name.replaceAll("'", ""));
  if (values.length > 0 && !values.some((value) => names.includes(value))) {
    throw new UserError(
      `Cannot read ${column.name}: it holds ${values.slice(0, 5).join(", ")}; it should be ` +
        `${names[0]} for what came in and ${names[1]} for what went out`,
    );
  }
  return {
    sql: `CASE ${sql} WHEN ${known.in} THEN TRUE WHEN ${known.out} THEN FALSE END`,
    summary: `${names[0]} came in, ${names[1]} went out`,
  };
}

/**
 * The BOLT 7 type of a message, from the observer's own numbers 1 to 5 or as it is on the wire; other values give null.
 * @param greatest the greatest value in the data; null when there is none.
 * @throws {UserError} when it is no integer.
 */
export function typeReading(column: SourceColumn, greatest: bigint | null): Reading {
  if (column.type === null || !INTEGER_TYPES.has(column.type)) return refuse(column, "an integer");
  if (greatest !== null && greatest >= 16n) {
    return { sql: `CAST(${column.sql} AS INTEGER)`, summary: "as on the wire" };
  }
  // 4 and 5 are ping and pong, which the archive does not take.
  return {
    sql:
      `CASE ${column.sql} WHEN 1 THEN 256 WHEN 2 THEN 257 WHEN 3 THEN 258 WHEN 4 THEN 18 WHEN 5 THEN 19 END`,
    summary: "1 channel_announcement, 2 node_announcement, 3 channel_update (4 ping, 5 pong)",
  };
}

/** The two ways in which an scid column can be read, each a signed integer in SQL; empty when there is none to read. */
export function scidReadings(column: SourceColumn): Reading[] {
  const { sql, type } = column;
  const signed = (unsigned: string) =>
    `CAST(CASE WHEN ${unsigned} >= 9223372036854775808::HUGEINT
      THEN ${unsigned} - 18446744073709551616::HUGEINT ELSE ${unsigned} END AS BIGINT)`;
  if (type !== null && INTEGER_TYPES.has(type)) {
    return [{ sql: signed(`CAST(${sql} AS HUGEINT)`), summary: `64-bit integer (${type})` }];
  }
  if (type !== "BLOB") return [];
  const bytes = Array.from({ length: 8 }, (_, i) => `substr(hex(${sql}), ${2 * i + 1}, 2)`);
  const number = (hex: readonly string[]) =>
    signed(`CAST(TRY_CAST('0x' || ${hex.join(" || ")} AS UBIGINT) AS HUGEINT)`);
  return [
    { sql: number(bytes.toReversed()), summary: "8 bytes, least significant first" },
    { sql: number(bytes), summary: "8 bytes, most significant first" },
  ];
}

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

/** The bytes of a value of `messages.raw`; null when it is not as detected. */
export function keptBytes(raw: unknown, text: TextEncoding | null): Uint8Array | null {
  if (text === null) return raw instanceof DuckDBBlobValue ? raw.bytes : null;
  return typeof raw === "string" ? decodeText(raw, text) : null;
}
