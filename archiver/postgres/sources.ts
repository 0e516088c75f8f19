// Where rows come from. All give DataRow messages.

import type { DataColumn, DataCursor } from "./data.ts";
import { type Column, message, rowDescription, serverMessages, SqlError } from "./replies.ts";
import type { Format } from "./wire.ts";

/** DataRow messages, and how many they are. */
export interface Rows {
  readonly pieces: readonly Uint8Array[];
  readonly rows: number;
}

/** The rows of a statement under way. */
export interface Source {
  readonly columns: readonly Column[];
  /** RowDescription; null where there are no rows to describe. */
  description(formats: readonly Format[]): Uint8Array | null;
  /** The next rows, at most `max`; null when there are none. */
  next(max: number): Promise<Rows | null>;
  /** CommandComplete's tag after `rows`. */
  tag(rows: number): string;
  close(): Promise<void>;
}

/** Rows of the archive. */
export class DataSource implements Source {
  constructor(readonly columns: readonly DataColumn[], private readonly cursor: DataCursor) {}

  description(formats: readonly Format[]): Uint8Array {
    return rowDescription(this.columns, formats);
  }

  next(max: number): Promise<Rows | null> {
    return this.cursor.next(max);
  }

  tag(rows: number): string {
    return `SELECT ${rows}`;
  }

  close(): Promise<void> {
    return this.cursor.close();
  }
}

/** Rows that are all there: PostgreSQL's own answer, byte for byte. */
export class ReadySource implements Source {
  columns: readonly Column[] = [];
  readonly rows: Uint8Array[] = [];
  /** NoticeResponse and ParameterStatus. */
  readonly notices: Uint8Array[] = [];
  /** Object ids of a statement's parameters. */
  parameters: readonly number[] = [];
  #description: Uint8Array | null = null;
  #tag = "";

  /** @param answer a server's messages. @throws {ServerError} when there is one among them. */
  constructor(answer: Uint8Array) {
    for (const { type, bytes } of serverMessages(answer)) this.#take(type, bytes);
  }

  #take(type: string, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (type === "E") throw new ServerError(bytes);
    if (type === "N" || type === "S") this.notices.push(bytes);
    if (type === "D") this.rows.push(bytes);
    if (type === "C") this.#tag = textAt(bytes, 5);
    if (type === "t") {
      this.parameters = Array.from(
        { length: view.getInt16(5) },
        (_, i) => view.getUint32(7 + 4 * i),
      );
    }
    if (type === "T") {
      this.#description = bytes;
      let at = 7;
      this.columns = Array.from({ length: view.getInt16(5) }, () => {
        const name = textAt(bytes, at);
        const end = bytes.indexOf(0, at);
        at = end + 19;
        return { name, oid: view.getUint32(end + 7), size: view.getInt16(end + 11) };
      });
    }
  }

  description(): Uint8Array | null {
    return this.#description;
  }

  next(max: number): Promise<Rows | null> {
    const pieces = this.rows.splice(0, Math.min(max, this.rows.length));
    return Promise.resolve(pieces.length === 0 ? null : { pieces, rows: pieces.length });
  }

  tag(): string {
    return this.#tag;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export const PLAN_COLUMNS: readonly Column[] = [{ name: "QUERY PLAN", oid: 25, size: -1 }];

/** DuckDB's EXPLAIN as PostgreSQL's: one row per line. */
export function planSource(plan: string): ReadySource {
  const source = new ReadySource(
    new Uint8Array([...rowDescription(PLAN_COLUMNS, []), ...message("C", "EXPLAIN")]),
  );
  for (const line of plan.trimEnd().split("\n")) {
    const text = new TextEncoder().encode(line);
    source.rows.push(message("D", { i16: 1 }, { i32: text.length }, text));
  }
  return source;
}

/** An ErrorResponse of PostgreSQL's own. */
export class ServerError extends SqlError {
  constructor(bytes: Uint8Array) {
    const fields = new Map<string, string>();
    for (let at = 5; at < bytes.length && bytes[at] !== 0;) {
      const end = bytes.indexOf(0, at);
      fields.set(String.fromCharCode(bytes[at]), textAt(bytes, at + 1));
      at = end + 1;
    }
    super(fields.get("C") ?? "XX000", fields.get("M") ?? "", {
      position: fields.has("P") ? Number(fields.get("P")) : null,
      hint: fields.get("H") ?? null,
    });
  }
}

/** The text up to the next zero. */
function textAt(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
}

/** The values of a DataRow; null where there is none. */
export function rowValues(row: Uint8Array): (Uint8Array | null)[] {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  let at = 7;
  return Array.from({ length: view.getInt16(5) }, () => {
    const length = view.getInt32(at);
    at += 4 + Math.max(0, length);
    return length === -1 ? null : row.subarray(at - length, at);
  });
}

/** {@link rowValues} as texts. */
export function rowTexts(row: Uint8Array): (string | null)[] {
  return rowValues(row).map((value) => value && new TextDecoder().decode(value));
}
