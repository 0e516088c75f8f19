// The line that tells how far an export is: renewed in place on a terminal, told again now and then elsewhere.

import type { Output } from "../../shared/output.ts";
import type { ExportProgress } from "./export.ts";

const TERMINAL_MS = 200;
const ELSEWHERE_MS = 10_000;
const CLEAR_LINE = "\r\x1b[K";

/** How far an export is, on one line. */
export class ProgressLine {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #begunAt: number;
  #toldAt: number;
  #told = "";

  /** Nothing is shown yet. @param now milliseconds that only grow. */
  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
    this.#begunAt = now();
    this.#toldAt = this.#begunAt;
  }

  /** Shows it, unless that was done a moment ago; on a terminal what begins is shown at once. */
  show(progress: ExportProgress): void {
    const { isTerminal, write } = this.#output;
    const now = this.#now();
    const what = `${progress.part} ${progress.phase}`;
    const due = this.#toldAt + (isTerminal ? TERMINAL_MS : ELSEWHERE_MS);
    if (now < due && !(isTerminal && what !== this.#told)) return;
    this.#toldAt = now;
    this.#told = what;
    const line = progressText(progress, (now - this.#begunAt) / 1000);
    write(isTerminal ? CLEAR_LINE + line : `${line}\n`);
  }

  end(): void {
    if (this.#output.isTerminal) this.#output.write(CLEAR_LINE);
  }
}

/** The line's text. @param seconds since the begin. */
export function progressText(
  { part, phase, rows, total }: ExportProgress,
  seconds: number,
): string {
  const share = total === 0 ? 100 : Math.floor(100 * rows / total);
  const rate = Math.round(rows / Math.max(seconds, 0.001));
  return `${part}, ${phase}: ${number(rows)} of ${number(total)} rows (${share} %), ${
    number(rate)
  } rows/s`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}
