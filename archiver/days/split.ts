// A day's rows into files of bounded size.

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
