// A day's rows into files of bounded size.
import type { RolloverPlan } from "./rollover.ts";

/** From `from` up to, not including, `to`, in µs since the Unix epoch. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** How many rows begin at an instant and lie before the next. */
export interface RowCount {
  /** µs since the Unix epoch. */
  readonly at: number;
  readonly rows: number;
}

/**
 * Cuts an interval so that each piece has `maxRows` rows or less, unless one count alone has more.
 *
 * @param counts in order of time, all within `whole`.
 * @returns pieces that meet, from the begin of `whole` to its end; at least one.
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

/** How long the clock waits from a day's last copy until it copies what came late. */
const LATE_MICROSECONDS = 86_400_000_000;

/** How days are kept. Times are milliseconds. */
export interface DaysOptions {
  readonly folder: string;
  readonly after: number;
  /** How long after a day's end it is dropped from the hot store; null: never. */
  readonly keep_hot: number | null;
  /** How long after a day's end its receipts are dropped from disk; null: never. */
  readonly keep_files: number | null;
  readonly apply: boolean;
  /** What DuckDB may take for its buffers, in bytes. */
  readonly memoryLimitBytes: number;
}

/** What a pass on demand is to do. All finished days are copied anyway. */
export interface RolloverRequest {
  /** Only this day, `YYYY-MM-DD`, which may be dropped however young it is; null for all, as old as they must be. */
  readonly day: string | null;
  /** From where days are dropped; null: from nowhere. */
  readonly drop: "hot" | "files" | null;
  readonly apply: boolean;
}

/** What a pass as asked does. @param now µs since the Unix epoch. */
export function requestedPlan(
  { day, drop, apply }: RolloverRequest,
  { after, keep_hot, keep_files }: DaysOptions,
  now: number,
): RolloverPlan {
  // A day that is named must be over, and no more.
  const dropBefore = (keep: number | null) => day !== null ? now : before(now, keep);
  return {
    day,
    copyBefore: day !== null ? now : now - after * 1000,
    copyLateBefore: now + 1,
    dropHotBefore: drop === "hot" ? dropBefore(keep_hot) : null,
    dropFilesBefore: drop === "files" ? dropBefore(keep_files) : null,
    apply,
    verify: true,
  };
}

/** What a pass by the clock does. @param now µs since the Unix epoch. */
export function scheduledPlan(
  { after, keep_hot, keep_files, apply }: DaysOptions,
  now: number,
): RolloverPlan {
  return {
    day: null,
    copyBefore: now - after * 1000,
    copyLateBefore: now - LATE_MICROSECONDS,
    dropHotBefore: before(now, keep_hot),
    dropFilesBefore: before(now, keep_files),
    apply,
    verify: false,
  };
}

function before(now: number, keepMilliseconds: number | null): number | null {
  return keepMilliseconds === null ? null : now - keepMilliseconds * 1000;
}
