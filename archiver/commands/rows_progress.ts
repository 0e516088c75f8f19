// How far a command is with the rows of its source.

import { type Output, ProgressLine } from "../../shared/terminal.ts";
import { grouped } from "../../shared/text.ts";

/** No rate or time left before this: it would be noise. */
const RATE_SECONDS = 1;

export interface RowsDone {
  readonly done: number;
  readonly total: number;
  readonly what: string;
}

/** A progress line with share, rate and time left. */
export class RowsProgress {
  readonly #line: ProgressLine;
  readonly #now: () => number;
  #begin: { readonly at: number; readonly done: number } | null = null;

  /** @param now in ms, monotonic. */
  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#line = new ProgressLine(output, { now });
    this.#now = now;
  }

  /** The rate counts from the first call on. */
  show({ done, total, what }: RowsDone): void {
    this.#begin ??= { at: this.#now(), done };
    const seconds = (this.#now() - this.#begin.at) / 1000;
    const rate = seconds < RATE_SECONDS ? null : (done - this.#begin.done) / seconds;
    const share = total === 0 ? 1 : done / total;
    const text = progressText({ share, done, total, rate, what });
    this.#line.show(text, total > 0 ? share : undefined);
  }

  /** Removes the line. */
  end(): void {
    this.#line.clear();
  }
}

/** The line's text. `rate` is in rows/s; null while unknown. */
export function progressText(
  { share, done, total, rate, what }: RowsDone & {
    readonly share: number;
    readonly rate: number | null;
  },
): string {
  const parts = [
    `${(Math.floor(share * 1000) / 10).toFixed(1)} %`,
    `${grouped(done)} of ${grouped(total)} rows`,
  ];
  if (rate !== null) {
    parts.push(`${grouped(rate)} rows/s`);
    if (rate > 0 && done < total) parts.push(`${timeText((total - done) / rate)} left`);
  }
  return [...parts, what].join(", ");
}

/** Seconds as `1:02:03`. */
export function timeText(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
