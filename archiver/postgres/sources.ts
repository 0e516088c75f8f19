// Where rows come from: DuckDB, or PostgreSQL's catalogue. Both give DataRow messages.

import { type Catalogue, runMessages, type Settings } from "./catalogue.ts";
import type { DataColumn, DataCursor } from "./data.ts";
import { type Column, rowDescription, serverMessages, SqlError } from "./replies.ts";
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
  next(max: number, formats: readonly Format[]): Promise<Rows | null>;
  /** CommandComplete's tag after `rows`. */
  tag(rows: number): string;
  close(): Promise<void>;
}

/** Rows of the archive. */
export class DataSource implements Source {
  readonly #cursor: DataCursor;

  constructor(cursor: DataCursor) {
    this.#cursor = cursor;
  }

  get columns(): readonly DataColumn[] {
    return this.#cursor.columns;
  }

  description(formats: readonly Format[]): Uint8Array {
    return rowDescription(this.columns, formats);
  }

  next(max: number, formats: readonly Format[]): Promise<Rows | null> {
    return this.#cursor.next(max, formats);
  }

  tag(rows: number): string {
    return `SELECT ${rows}`;
  }

  stop(why: SqlError): void {
    this.#cursor.stop(why);
  }

  close(): Promise<void> {
    return this.#cursor.close();
  }
}

/** DuckDB's EXPLAIN as PostgreSQL's: one column, one row per line. */
export class PlanSource implements Source {
  readonly columns: readonly Column[] = [{ name: "QUERY PLAN", oid: 25, size: -1 }];
  readonly #lines: string[];

  constructor(plan: string) {
    this.#lines = plan.trimEnd().split("\n");
  }

  description(formats: readonly Format[]): Uint8Array {
    return rowDescription(this.columns, formats);
  }

  next(max: number): Promise<Rows | null> {
    const lines = this.#lines.splice(0, max);
    const pieces = lines.map((line) => dataRow([new TextEncoder().encode(line)]));
    return Promise.resolve(lines.length === 0 ? null : { pieces, rows: lines.length });
  }

  tag(): string {
    return "EXPLAIN";
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Rows of the catalogue, byte for byte. It runs with the first rows that are asked for, or described. */
export class CatalogueSource implements Source {
  columns: readonly Column[] = [];
  readonly #rows: Uint8Array[] = [];
  readonly #notices: Uint8Array[] = [];
  #description: Uint8Array | null = null;
  #tag = "SELECT";

  /** Runs it. @param readSettings whether it may change the session's. @throws {ServerError} as the catalogue does. */
  static async run(
    catalogue: Catalogue,
    session: { readonly id: number; settings: Settings; onNotice(bytes: Uint8Array): void },
    sql: string,
    { oids = [], formats = [], values = [], resultFormats = [], readSettings = false }: {
      readonly oids?: readonly number[];
      readonly formats?: readonly Format[];
      readonly values?: readonly (Uint8Array | null)[];
      readonly resultFormats?: readonly Format[];
      readonly readSettings?: boolean;
    } = {},
  ): Promise<CatalogueSource> {
    const messages = runMessages(sql, oids, formats, values, resultFormats);
    const { bytes, settings } = await catalogue.run(
      session.id,
      session.settings,
      messages,
      readSettings,
    );
    const source = new CatalogueSource();
    for (const { type, bytes: own } of serverMessages(bytes)) source.#take(type, own);
    if (settings !== null) session.settings = settings;
    source.#notices.forEach((notice) => session.onNotice(notice));
    return source;
  }

  #take(type: string, bytes: Uint8Array): void {
    if (type === "E") throw new ServerError(bytes);
    if (type === "N" || type === "S") this.#notices.push(bytes);
    if (type === "D") this.#rows.push(bytes);
    if (type === "C") this.#tag = textAt(bytes, 5);
    if (type === "T") {
      this.#description = bytes;
      this.columns = readColumns(bytes);
    }
  }

  description(): Uint8Array | null {
    return this.#description;
  }

  next(max: number): Promise<Rows | null> {
    const pieces = this.#rows.splice(0, Math.min(max, this.#rows.length));
    return Promise.resolve(pieces.length === 0 ? null : { pieces, rows: pieces.length });
  }

  tag(): string {
    return this.#tag;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** An ErrorResponse of PostgreSQL's own. */
export class ServerError extends SqlError {
  constructor(bytes: Uint8Array) {
    const fields = new Map<string, string>();
    for (let at = 5; at < bytes.length && bytes[at] !== 0;) {
      const text = textAt(bytes, at + 1);
      fields.set(String.fromCharCode(bytes[at]), text);
      at += 2 + new TextEncoder().encode(text).length;
    }
    super(fields.get("C") ?? "XX000", fields.get("M") ?? "", {
      position: fields.has("P") ? Number(fields.get("P")) : null,
      hint: fields.get("H") ?? null,
    });
  }
}

/** The columns of a RowDescription. */
export function readColumns(bytes: Uint8Array): Column[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 7;
  return Array.from({ length: view.getInt16(5) }, () => {
    const end = bytes.indexOf(0, at);
    const name = new TextDecoder().decode(bytes.subarray(at, end));
    at = end + 19;
    return { name, oid: view.getUint32(end + 7), size: view.getInt16(end + 11) };
  });
}

/** The text up to the next zero. */
function textAt(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
}

/** A DataRow of these values. */
export function dataRow(values: readonly (Uint8Array | null)[]): Uint8Array {
  const size = 7 + values.reduce((sum, value) => sum + 4 + (value?.length ?? 0), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes[0] = "D".charCodeAt(0);
  view.setInt32(1, size - 1);
  view.setInt16(5, values.length);
  let at = 7;
  for (const value of values) {
    view.setInt32(at, value?.length ?? -1);
    if (value) bytes.set(value, at + 4);
    at += 4 + (value?.length ?? 0);
  }
  return bytes;
}
