// What the server answers: messages of protocol 3.0 as bytes.

import type { Format } from "./wire.ts";

const encoder = new TextEncoder();

/** A field of a message: 16 or 32 bits, text that ends in a zero, or bytes. */
export type Field = { readonly i16: number } | { readonly i32: number } | string | Uint8Array;

/** A message of the given type. */
export function message(type: string, ...fields: readonly Field[]): Uint8Array {
  const parts = fields.map((field) =>
    typeof field === "string" ? encoder.encode(field + "\0") : field
  );
  const sizeOf = (part: Exclude<Field, string>) =>
    part instanceof Uint8Array ? part.length : "i16" in part ? 2 : 4;
  const size = parts.reduce((sum, part) => sum + sizeOf(part), 0);
  const bytes = new Uint8Array(5 + size);
  const view = new DataView(bytes.buffer);
  bytes[0] = type.charCodeAt(0);
  view.setInt32(1, 4 + size);
  let at = 5;
  for (const part of parts) {
    if (part instanceof Uint8Array) bytes.set(part, at);
    else if ("i16" in part) view.setInt16(at, part.i16);
    else view.setInt32(at, part.i32);
    at += sizeOf(part);
  }
  return bytes;
}

/** Bytes one after another. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A refusal of a statement as a client sees it. `code` is its SQLSTATE. */
export class SqlError extends Error {
  readonly code: string;
  /** In characters of the statement, from 1. */
  readonly position: number | null;
  readonly hint: string | null;

  constructor(
    code: string,
    message: string,
    { position = null, hint = null, cause }: ErrorOptions & {
      position?: number | null;
      hint?: string | null;
    } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.position = position;
    this.hint = hint;
  }
}

function report(type: "E" | "N", severity: string, error: SqlError): Uint8Array {
  const { code, message: text, position, hint } = error;
  return message(
    type,
    ...[`S${severity}`, `V${severity}`, `C${code}`, `M${text.replaceAll("\0", "")}`],
    ...position === null ? [] : [`P${position}`],
    ...hint === null ? [] : [`H${hint}`],
    Uint8Array.of(0),
  );
}

/** ErrorResponse; `FATAL` ends the connection. */
export function errorResponse(error: SqlError, severity: "ERROR" | "FATAL" = "ERROR"): Uint8Array {
  return report("E", severity, error);
}

/** NoticeResponse, as a warning. */
export function warning(code: string, text: string): Uint8Array {
  return report("N", "WARNING", new SqlError(code, text));
}

export interface Column {
  readonly name: string;
  readonly oid: number;
  /** Bytes of a value; -1 when it varies. */
  readonly size: number;
}

/** RowDescription. */
export function rowDescription(columns: readonly Column[], formats: readonly Format[]): Uint8Array {
  const fields = columns.flatMap(({ name, oid, size }, i): Field[] => [
    ...[name.replaceAll("\0", ""), { i32: 0 }, { i16: 0 }, { i32: oid | 0 }],
    ...[{ i16: size }, { i32: -1 }, { i16: formatOf(formats, i) }],
  ]);
  return message("T", { i16: columns.length }, ...fields);
}

/** ParameterDescription. */
export function parameterDescription(oids: readonly number[]): Uint8Array {
  return message("t", { i16: oids.length }, ...oids.map((oid) => ({ i32: oid | 0 })));
}

/** Of the i-th value: none given means text, one is for all. */
export function formatOf(formats: readonly Format[], i: number): Format {
  return formats.length === 1 ? formats[0] : formats[i] ?? 0;
}

export const commandComplete = (tag: string): Uint8Array => message("C", tag);
/** @param status `I` idle, `T` in a transaction, `E` in a failed one. */
export const readyForQuery = (status: "I" | "T" | "E"): Uint8Array =>
  message("Z", encoder.encode(status));
export const authentication = (code: number, ...fields: Field[]): Uint8Array =>
  message("R", { i32: code }, ...fields);
export const parameterStatus = (name: string, value: string): Uint8Array =>
  message("S", name, value);
export const backendKeyData = (process: number, secret: number): Uint8Array =>
  message("K", { i32: process }, { i32: secret });
export const copyOut = (format: Format, columns: number): Uint8Array => {
  const formats = Array.from({ length: columns }, () => ({ i16: format }));
  return message("H", Uint8Array.of(format), { i16: columns }, ...formats);
};
export const PARSE_COMPLETE: Uint8Array = message("1");
export const BIND_COMPLETE: Uint8Array = message("2");
export const CLOSE_COMPLETE: Uint8Array = message("3");
export const NO_DATA: Uint8Array = message("n");
export const EMPTY_QUERY: Uint8Array = message("I");
export const PORTAL_SUSPENDED: Uint8Array = message("s");
export const COPY_DONE: Uint8Array = message("c");

/** The messages of a server's bytes, whole ones. */
export function* serverMessages(bytes: Uint8Array): Generator<{ type: string; bytes: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 1 + view.getInt32(at + 1);
    yield { type: String.fromCharCode(bytes[at]), bytes: bytes.subarray(at, end) };
    at = end;
  }
}
