// COPY … TO STDOUT: DataRow messages as CopyData, in PostgreSQL's text, CSV and binary formats (its manual, "COPY").

import { COPY_HEADER, COPY_TRAILER } from "../export/binary_copy.ts";
import { type Column, message, serverMessages } from "./replies.ts";
import { rowValues } from "./sources.ts";
import type { CopyOptions } from "./statement.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const COPY_DATA = "d".charCodeAt(0);
const LINE_END = encoder.encode("\n");
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v" },
};

/** Turns rows into what a COPY sends. */
export class CopyWriter {
  readonly #delimiter: Uint8Array;
  readonly #none: Uint8Array;
  /** Of the texts for null and for the end of the data, the longer one's. */
  readonly #markBytes: number;
  /** 1 for bytes that no value without escapes has. */
  readonly #special = new Uint8Array(256);
  /** Goes into one message with the first row, or with the trailer: clients expect it there. */
  #header: Uint8Array = COPY_HEADER;

  constructor(private readonly options: CopyOptions) {
    this.#delimiter = encoder.encode(options.delimiter);
    this.#none = encoder.encode(options.null);
    this.#markBytes = Math.max(2, this.#none.length);
    const special = options.format === "csv" ? '"\n\r' : Object.keys(ESCAPES).join("");
    for (const byte of encoder.encode(special + options.delimiter)) this.#special[byte] = 1;
  }

  begin(columns: readonly Column[]): Uint8Array[] {
    const { format, header } = this.options;
    if (!header || format === "binary") return [];
    return [this.#line(columns.map(({ name }) => encoder.encode(name)))];
  }

  /** @param rows DataRow messages, which are used up. */
  rows(rows: Uint8Array): Uint8Array[] {
    if (this.options.format !== "binary") {
      return Array.from(serverMessages(rows), ({ bytes }) => this.#line(rowValues(bytes)));
    }
    const first: Uint8Array[] = [];
    let from = 0;
    for (const { bytes } of serverMessages(rows)) {
      if (this.#header.length > 0) {
        first.push(this.#binary(bytes.subarray(5)));
        from = bytes.length;
      }
      // A CopyData differs from a DataRow in its type alone.
      bytes[0] = COPY_DATA;
    }
    return [...first, rows.subarray(from)];
  }

  end(): Uint8Array[] {
    return this.options.format === "binary" ? [this.#binary(COPY_TRAILER)] : [];
  }

  #binary(bytes: Uint8Array): Uint8Array {
    const header = this.#header;
    this.#header = new Uint8Array(0);
    return message("d", header, bytes);
  }

  #line(values: readonly (Uint8Array | null)[]): Uint8Array {
    const parts = values.flatMap((value, i) => [
      ...i === 0 ? [] : [this.#delimiter],
      value === null ? this.#none : this.#isPlain(value) ? value : this.#escaped(value),
    ]);
    return message("d", ...parts, LINE_END);
  }

  #isPlain(value: Uint8Array): boolean {
    // In CSV, a value that reads as null or as the end of the data is quoted.
    if (this.options.format === "csv" && value.length <= this.#markBytes) return false;
    for (let i = 0; i < value.length; i++) if (this.#special[value[i]] === 1) return false;
    return true;
  }

  #escaped(value: Uint8Array): Uint8Array {
    const { format, delimiter, null: none } = this.options;
    const text = decoder.decode(value);
    if (format === "csv") {
      const isPlain = text !== none && text !== "\\." && !/["\n\r]/.test(text) &&
        !text.includes(delimiter);
      return isPlain ? value : encoder.encode(`"${text.replaceAll('"', '""')}"`);
    }
    // deno-lint-ignore no-control-regex -- that is what COPY escapes
    const escaped = text.replace(/[\\\n\r\t\x08\f\v]/g, (c) => ESCAPES[c]);
    return encoder.encode(
      delimiter === "\t" ? escaped : escaped.replaceAll(delimiter, `\\${delimiter}`),
    );
  }
}
