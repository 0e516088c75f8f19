// How far an import is: a bar on a terminal, now and then a line elsewhere.

import type { Clock } from "../../shared/clock.ts";
import type { Output } from "../../shared/output.ts";

const BAR_CHARACTERS = 24;
/** The bar is drawn this often at most. */
const DRAW_US = 200_000;
/** Elsewhere than on a terminal: a line each so often, or each so much. */
const LINE_US = 10_000_000;
const LINE_SHARE = 0.05;
/** Before that a rate tells nothing. */
const RATE_US = 1_000_000;

/** Follows rows that are done out of a known number. */
export class Progress {
  readonly #total: number;
  readonly #clock: Clock;
  readonly #display: Output;
  readonly #startedAt: number;
  readonly #doneBefore: number;
  #shownAt = -Infinity;
  #shownShare = 0;

  /**
   * Starts now.
   *
   * @param total rows in all.
   * @param done rows that were done before.
   */
  constructor(total: number, done: number, clock: Clock, display: Output) {
    this.#total = total;
    this.#clock = clock;
    this.#display = display;
    this.#startedAt = clock.now();
    this.#doneBefore = done;
    this.#shownShare = total === 0 ? 1 : done / total;
  }

  /** Tells how many rows are done by now, those of before included. @param what is under way. */
  show(done: number, what: string): void {
    const now = this.#clock.now();
    const share = this.#total === 0 ? 1 : done / this.#total;
    const isDue = this.#display.isTerminal
      ? now - this.#shownAt >= DRAW_US || share === 1
      : now - this.#shownAt >= LINE_US || share - this.#shownShare >= LINE_SHARE;
    if (!isDue) return;
    this.#shownAt = now;
    this.#shownShare = share;
    const elapsed = now - this.#startedAt;
    const rate = elapsed < RATE_US ? null : (done - this.#doneBefore) / (elapsed / 1e6);
    const text = progressText({ share, done, total: this.#total, rate, what });
    // The rest of a longer line before it is cleared.
    this.#display.write(this.#display.isTerminal ? `\r${bar(share)} ${text}\x1b[K` : `${text}\n`);
  }

  end(): void {
    if (this.#display.isTerminal && this.#shownAt > 0) this.#display.write("\n");
  }
}

function bar(share: number): string {
  const full = Math.floor(share * BAR_CHARACTERS);
  return `[${"#".repeat(full)}${".".repeat(BAR_CHARACTERS - full)}]`;
}

/** What progress says. `rate` is in rows a second; null when it is not known yet. */
export function progressText(
  { share, done, total, rate, what }: {
    readonly share: number;
    readonly done: number;
    readonly total: number;
    readonly rate: number | null;
    readonly what: string;
  },
): string {
  const parts = [
    `${(Math.floor(share * 1000) / 10).toFixed(1)} %`,
    `${done.toLocaleString("en")} of ${total.toLocaleString("en")} rows`,
  ];
  if (rate !== null) {
    parts.push(`${Math.round(rate).toLocaleString("en")} rows/s`);
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
