// A line at the bottom of a terminal that is renewed in place, with other lines printed above it.

import { standardError } from "./output.ts";

/** A terminal. */
export interface Terminal {
  /** Its width now; 0 when it does not say. */
  columns(): number;
  write(text: string): void;
}

/** Some terminals say that they have no columns at all. */
const UNKNOWN_COLUMNS = 80;
/** ECMA-48: erase to the end of the line, of the screen, and cursor up. */
const ERASE_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";
const up = (rows: number) => rows > 0 ? `\x1b[${rows}A` : "";

/** See the module. Each change is one write, and text is written over before the rest is erased: nothing flickers. */
export class LiveLine {
  readonly #terminal: Terminal;
  #shown = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** How many characters fit: one less than columns, so that no terminal wraps. */
  get width(): number {
    return (this.#terminal.columns() || UNKNOWN_COLUMNS) - 1;
  }

  /** Renews the line; characters must be one column wide. What does not fit is cut off. */
  show(text: string): void {
    const line = text.slice(0, Math.max(0, this.width));
    if (line === this.#shown) return;
    this.#terminal.write(`${this.#home()}${line}${ERASE_LINE}`);
    this.#shown = line;
  }

  print(lines: string): void {
    const below = this.#shown.slice(0, Math.max(0, this.width));
    this.#terminal.write(`${this.#home()}${this.#shown && ERASE_LINE}${lines}${below}`);
    this.#shown = below;
  }

  clear(): void {
    if (this.#shown !== "") this.#terminal.write(`${this.#home()}${ERASE_LINE}`);
    this.#shown = "";
  }

  /** To the line's first column. A terminal that became narrower has wrapped it: then all of its rows are erased. */
  #home(): string {
    if (this.#shown === "") return "";
    const rows = Math.floor((this.#shown.length - 1) / (this.width + 1));
    return rows > 0 ? `${up(rows)}\r${ERASE_BELOW}` : "\r";
  }
}

/** Standard error as a terminal. */
export function errorTerminal(): Terminal {
  return {
    columns: () => {
      try {
        return Deno.consoleSize().columns;
      } catch {
        // The terminal is gone.
        return 0;
      }
    },
    write: standardError().write,
  };
}
