/**
 * What the demo shows while it runs: lines that stay, and one that is renewed in place, or, where nobody watches a
 * terminal, told again every few seconds.
 *
 * @module
 */
import { type Output, standardError } from "../../shared/output.ts";

/** How often a line that cannot be renewed in place is told again. */
const REPEAT_MILLISECONDS = 3000;
/** Some terminals say that they have no columns at all. */
const UNKNOWN_COLUMNS = 80;
const CLEAR_LINE = "\r\x1b[K";

/** Where lines go. */
export interface Screen extends Output {
  /** Its width, where it is a terminal. */
  columns(): number;
}

/** Standard error, so that standard output stays the demo's results. */
export function errorScreen(): Screen {
  return { ...standardError(), columns: () => Deno.consoleSize().columns };
}

/** See the module. */
export class Display {
  readonly #output: Screen;
  readonly #now: () => number;
  #hasLive = false;
  #toldAt = -Infinity;

  /** Nothing is shown yet. @param now milliseconds that only grow. */
  constructor(output: Screen, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  /** A line that stays. */
  step(text: string): void {
    this.clear();
    this.#output.write(`${text}\n`);
    this.#toldAt = this.#now();
  }

  /** The line that tells how far it is. */
  live(text: string): void {
    if (this.#output.isTerminal) {
      const width = this.#output.columns() || UNKNOWN_COLUMNS;
      this.#output.write(CLEAR_LINE + text.slice(0, width - 1));
      this.#hasLive = true;
    } else if (this.#now() - this.#toldAt >= REPEAT_MILLISECONDS) {
      this.step(text);
    }
  }

  /** Takes the live line away. */
  clear(): void {
    if (this.#hasLive) this.#output.write(CLEAR_LINE);
    this.#hasLive = false;
  }
}

/** `1,234,567`. */
export function grouped(number: number): string {
  return Math.round(number).toLocaleString("en-US");
}

/** Rows of cells in columns: the first to the left, the others to the right. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    "  " +
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column] + 2)
    ).join("")
  );
}
