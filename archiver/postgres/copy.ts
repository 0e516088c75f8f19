// COPY … TO STDOUT: DataRow messages as CopyData, in PostgreSQL's text, CSV and binary formats (its manual, "COPY").

import { COPY_HEADER, COPY_TRAILER } from "../export/binary_copy.ts";
import { type Column, message, serverMessages } from "./replies.ts";
import { rowTexts } from "./sources.ts";
import type { CopyOptions } from "./statement.ts";

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v" },
};

/** Turns rows into what a COPY sends. */
export class CopyWriter {
  readonly #options: CopyOptions;
  /** Goes into one message with the first row, or with the trailer: clients expect it there. */
  #header: Uint8Array = COPY_HEADER;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  begin(columns: readonly Column[]): Uint8Array[] {
    return this.#options.header ? [this.#line(columns.map(({ name }) => name))] : [];
  }

  /** @param rows DataRow messages. */
  rows(rows: Uint8Array): Uint8Array[] {
    const isBinary = this.#options.format === "binary";
    return Array.from(
      serverMessages(rows),
      ({ bytes }) => isBinary ? this.#binary(bytes.subarray(5)) : this.#line(rowTexts(bytes)),
    );
  }

  end(): Uint8Array[] {
    return this.#options.format === "binary" ? [this.#binary(COPY_TRAILER)] : [];
  }

  #binary(bytes: Uint8Array): Uint8Array {
    const header = this.#header;
    this.#header = new Uint8Array(0);
    return message("d", header, bytes);
  }

  #line(values: readonly (string | null)[]): Uint8Array {
    const { format, delimiter, null: none } = this.#options;
    const write = format === "csv" ? this.#csv : this.#text;
    const line = values.map((value) => value === null ? none : write.call(this, value)).join(
      delimiter,
    );
    return message("d", new TextEncoder().encode(`${line}\n`));
  }

  #text(value: string): string {
    const { delimiter } = this.#options;
    // deno-lint-ignore no-control-regex -- that is what COPY escapes
    const escaped = value.replace(/[\\\n\r\t\x08\f\v]/g, (c) => ESCAPES[c]);
    return delimiter === "\t" ? escaped : escaped.replaceAll(delimiter, `\\${delimiter}`);
  }

  #csv(value: string): string {
    const { delimiter, null: none } = this.#options;
    const isPlain = value !== none && value !== "\\." &&
      ![delimiter, '"', "\n", "\r"].some((part) => value.includes(part));
    return isPlain ? value : `"${value.replaceAll('"', '""')}"`;
  }
}
