// What a program writes for people: standard output and error, a line renewed in place, progress.

/** Where text goes. */
export interface Output {
  /** Whether a line can be renewed in place. */
  readonly isTerminal: boolean;
  /** The terminal's width now; 0 when unknown. */
  columns(): number;
  write(text: string): void;
}

/** Standard output. */
export function standardOutput(): Output {
  return outputTo(Deno.stdout);
}

/** Standard error: all that is not the command's result. */
export function standardError(): Output {
  return outputTo(Deno.stderr);
}

function outputTo(stream: typeof Deno.stdout | typeof Deno.stderr): Output {
  const encoder = new TextEncoder();
  return {
    isTerminal: stream.isTerminal(),
    columns: () => {
      try {
        return Deno.consoleSize().columns;
      } catch {
        // The terminal is gone.
        return 0;
      }
    },
    write: (text) => {
      const bytes = encoder.encode(text);
      for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
    },
  };
}

/** Some terminals say that they have no columns at all. */
const UNKNOWN_COLUMNS = 80;
/** ECMA-48: erase to the end of the line, of the screen, and cursor up. */
const ERASE_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";
const up = (rows: number) => rows > 0 ? `\x1b[${rows}A` : "";

/** A line at the bottom of a terminal, renewed in place below other lines. Each change is one write, and text is written over before the rest is erased: nothing flickers. */
export class LiveLine {
  #shown = "";

  constructor(private readonly terminal: Output) {}

  /** How many characters fit: one less than columns, so that no terminal wraps. */
  get width(): number {
    return (this.terminal.columns() || UNKNOWN_COLUMNS) - 1;
  }

  /** Renews the line; characters must be one column wide. What does not fit is cut off. */
  show(text: string): void {
    const line = text.slice(0, Math.max(0, this.width));
    if (line === this.#shown) return;
    this.terminal.write(`${this.#home()}${line}${ERASE_LINE}`);
    this.#shown = line;
  }

  print(lines: string): void {
    const below = this.#shown.slice(0, Math.max(0, this.width));
    this.terminal.write(`${this.#home()}${this.#shown && ERASE_LINE}${lines}${below}`);
    this.#shown = below;
  }

  clear(): void {
    if (this.#shown !== "") this.terminal.write(`${this.#home()}${ERASE_LINE}`);
    this.#shown = "";
  }

  /** To the line's first column. A terminal that became narrower has wrapped it: then all of its rows are erased. */
  #home(): string {
    if (this.#shown === "") return "";
    const rows = Math.floor((this.#shown.length - 1) / (this.width + 1));
    return rows > 0 ? `${up(rows)}\r${ERASE_BELOW}` : "\r";
  }
}

const RENEW_MS = 200;

/**
 * One line of progress: renewed in place on a terminal; elsewhere printed again after some time or a twentieth of the
 * work.
 */
export class ProgressLine {
  readonly #everyMs: number;
  readonly #now: () => number;
  readonly #line: LiveLine | null;
  #shownAt: number;
  #shownShare = 0;

  /** @param everyMs between lines where there is no terminal. @param now in ms, monotonic. */
  constructor(
    private readonly output: Output,
    { everyMs = 10_000, now = () => performance.now() }: {
      readonly everyMs?: number;
      readonly now?: () => number;
    } = {},
  ) {
    this.#everyMs = everyMs;
    this.#now = now;
    this.#line = output.isTerminal ? new LiveLine(output) : null;
    this.#shownAt = output.isTerminal ? -Infinity : now();
  }

  /** Shows `text` if it is due. @param share done, from 0 to 1; the end is always shown. */
  show(text: string, share?: number): void {
    const now = this.#now();
    const waited = now - this.#shownAt;
    const grown = share === undefined ? 0 : share - this.#shownShare;
    const isDue = this.#line === null
      ? waited >= this.#everyMs || grown >= 0.05
      : waited >= RENEW_MS || (share === 1 && grown > 0);
    if (!isDue) return;
    this.#shownShare = share ?? 0;
    this.#shownAt = now;
    if (this.#line === null) this.output.write(`${text}\n`);
    else this.#line.show(text);
  }

  /** Prints a line that stays. */
  print(text: string): void {
    if (this.#line === null) this.output.write(`${text}\n`);
    else this.#line.print(`${text}\n`);
    this.#shownAt = this.#now();
  }

  /** Removes the line; it may be shown again. */
  clear(): void {
    this.#line?.clear();
  }
}
