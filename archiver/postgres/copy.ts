// COPY … TO STDOUT: DataRow messages as CopyData, in PostgreSQL's text, CSV and binary formats (its manual, "COPY").

import { COPY_HEADER, COPY_TRAILER } from "../export/binary_copy.ts";
import { type Column, message } from "./replies.ts";
import type { CopyOptions } from "./statement.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\v": "\\v" },
};

/** Turns rows into what a COPY sends. */
export class CopyWriter {
  readonly #options: CopyOptions;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  begin(columns: readonly Column[]): Uint8Array[] {
    const { format, header } = this.#options;
    if (format === "binary") return [message("d", COPY_HEADER)];
    if (!header) return [];
    return [this.#line(columns.map(({ name }) => name))];
  }

  /** @param rows DataRow messages. */
  rows(rows: Uint8Array): Uint8Array[] {
    const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
    const out: Uint8Array[] = [];
    for (let at = 0; at < rows.length;) {
      const end = at + 1 + view.getInt32(at + 1);
      if (this.#options.format === "binary") out.push(message("d", rows.subarray(at + 5, end)));
      else out.push(this.#line(texts(rows, view, at)));
      at = end;
    }
    return out;
  }

  end(): Uint8Array[] {
    return this.#options.format === "binary" ? [message("d", COPY_TRAILER)] : [];
  }

  #line(values: readonly (string | null)[]): Uint8Array {
    const { format, delimiter } = this.#options;
    const write = format === "csv" ? this.#csv : this.#text;
    return message(
      "d",
      encoder.encode(values.map((value) => write.call(this, value)).join(delimiter) + "\n"),
    );
  }

  #text(value: string | null): string {
    const { delimiter } = this.#options;
    if (value === null) return this.#options.null;
    // deno-lint-ignore no-control-regex -- that is what COPY escapes
    const escaped = value.replace(/[\\\n\r\t\x08\f\v]/g, (c) => ESCAPES[c]);
    return delimiter === "\t" ? escaped : escaped.replaceAll(delimiter, `\\${delimiter}`);
  }

  #csv(value: string | null): string {
    const { delimiter, quote, escape, forceQuote } = this.#options;
    if (value === null) return this.#options.null;
    const special = value === this.#options.null || value === "\\." ||
      [delimiter, quote, "\n", "\r"].some((part) => value.includes(part));
    if (!special && !forceQuote) return value;
    const escaped = value.replaceAll(escape, escape + escape);
    return quote + (escape === quote ? escaped : escaped.replaceAll(quote, escape + quote)) + quote;
  }
}

function texts(rows: Uint8Array, view: DataView, row: number): (string | null)[] {
  let at = row + 7;
  return Array.from({ length: view.getInt16(row + 5) }, () => {
    const length = view.getInt32(at);
    at += 4;
    if (length === -1) return null;
    at += length;
    return decoder.decode(rows.subarray(at - length, at));
  });
}
