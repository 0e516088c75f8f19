// When days are copied and dropped, and how a day is split into files of bounded size.

import type { RolloverPlan } from "./rollover.ts";

/** From `from` to `to`, exclusive, in µs since the Unix epoch. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** Rows from an instant to the next one counted. */
export interface RowCount {
  /** µs since the Unix epoch. */
  readonly at: number;
  readonly rows: number;
}

/**
 * Cuts an interval so that each piece has `maxRows` rows or less, unless one count alone has more.
 * @param counts in order of time, all within `whole`.
 * @returns adjoining pieces that cover `whole`; at least one.
 */
export function split(whole: Interval, counts: readonly RowCount[], maxRows: number): Interval[] {
  const pieces: Interval[] = [];
  let { from } = whole;
  let rows = 0;
  for (const count of counts) {
    if (rows > 0 && rows + count.rows > maxRows) {
      pieces.push({ from, to: count.at });
      from = count.at;
      rows = 0;
    }
    rows += count.rows;
  }
  pieces.push({ from, to: whole.to });
  return pieces;
}

/** The parts of an interval that others leave free. */
export function uncovered(whole: Interval, others: readonly Interval[]): Interval[] {
  const free: Interval[] = [];
  let { from } = whole;
  for (const other of others.toSorted((a, b) => a.from - b.from)) {
    if (other.from > from) free.push({ from, to: other.from });
    from = Math.max(from, other.to);
  }
  if (from < whole.to) free.push({ from, to: whole.to });
  return free;
}

/** A scheduled pass copies late rows this long after a day's last copy. */
const LATE_US = 86_400_000_000;

/** How days are kept. Times are milliseconds. */
export interface DaysOptions {
  readonly folder: string;
  /** How long after its end a day is copied. */
  readonly after: number;
  /** How long after a day's end it is dropped from the hot store; null: never. */
  readonly keep_hot: number | null;
  /** How long after a day's end its receipts are dropped from disk; null: never. */
  readonly keep_files: number | null;
  readonly apply: boolean;
  /** What DuckDB may take for its buffers, in bytes. */
  readonly memoryLimitBytes: number;
}

/** A requested pass. It copies all finished days in any case. */
export interface RolloverRequest {
  /** Only this day, `YYYY-MM-DD`, which may be dropped at any age; null for all that are old enough. */
  readonly day: string | null;
  /** Where days are dropped from; null: nowhere. */
  readonly drop: "hot" | "files" | "published" | null;
  readonly apply: boolean;
}

/** The plan of a requested pass. @param now µs since the Unix epoch. */
export function requestedPlan(
  { day, drop, apply }: RolloverRequest,
  { after, keep_hot, keep_files }: DaysOptions,
  now: number,
): RolloverPlan {
  // A named day must only be over.
  const dropBefore = (keep: number | null) => day !== null ? now : before(now, keep);
  return {
    day,
    copyBefore: day !== null ? now : now - after * 1000,
    copyLateBefore: now + 1,
    dropHotBefore: drop === "hot" ? dropBefore(keep_hot) : null,
    dropFilesBefore: drop === "files" ? dropBefore(keep_files) : null,
    withdraw: drop === "published" && apply,
    apply,
    verify: true,
  };
}

/** The plan of a scheduled pass. @param now µs since the Unix epoch. */
export function scheduledPlan(
  { after, keep_hot, keep_files, apply }: DaysOptions,
  now: number,
): RolloverPlan {
  return {
    day: null,
    copyBefore: now - after * 1000,
    copyLateBefore: now - LATE_US,
    dropHotBefore: before(now, keep_hot),
    dropFilesBefore: before(now, keep_files),
    withdraw: false,
    apply,
    verify: false,
  };
}

function before(now: number, keepMs: number | null): number | null {
  return keepMs === null ? null : now - keepMs * 1000;
}
