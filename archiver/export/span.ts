// The window of an export, and the days it is cut into.

import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { DAY_US, isoTime } from "../../shared/time.ts";

/** A day, or an instant that says that it is UTC. */
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z)?$/;

/** A span of time, half open; µs since the Unix epoch, null where it has no end. */
export interface Span {
  readonly from: number | null;
  readonly until: number | null;
}

/**
 * Reads the flags `--from` and `--until`.
 *
 * @throws {UserError} when one is no time, or the second is not later than the first.
 */
export function readSpan(from: string | undefined, until: string | undefined): Span {
  const span = { from: readTime("from", from), until: readTime("until", until) };
  if (span.from !== null && span.until !== null && span.from >= span.until) {
    throw new UserError(
      `Cannot export from ${from} until ${until}: --until is the first instant after the window`,
    );
  }
  return span;
}

function readTime(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  // Date knows milliseconds.
  const [, seconds, fraction = ""] = text.match(/^(.*?)(?:\.(\d+))?Z?$/)!;
  const milliseconds = TIME.test(text)
    ? Date.parse(seconds.includes("T") ? `${seconds}Z` : seconds)
    : NaN;
  // A day past its month's end would be taken for one of the next month.
  const rolled = Number.isNaN(milliseconds) ||
    !new Date(milliseconds).toISOString().startsWith(text.slice(0, 10));
  if (rolled) {
    throw new UserError(
      `--${flag} is "${printable(text, 40)}"; it should be a day such as 2025-09-26, ` +
        "or an instant such as 2025-09-26T20:00:00Z (UTC)",
    );
  }
  return milliseconds * 1000 + Number(fraction.padEnd(6, "0"));
}

/** The part of `span` in a day. @param day counted from 1970-01-01, UTC. */
export function daySpan(span: Span, day: number): Span {
  const begin = day * DAY_US;
  const end = begin + DAY_US;
  return {
    from: Math.max(begin, span.from ?? begin),
    until: Math.min(end, span.until ?? end),
  };
}

/** A day as people write it. @param day counted from 1970-01-01, UTC. */
export function dayName(day: number): string {
  return isoTime(day * DAY_US).slice(0, 10);
}

/** The window as people write it. */
export function spanName({ from, until }: Span): string {
  if (from === null && until === null) return "all of it";
  const begin = from === null ? "from its beginning" : `from ${isoTime(from)}`;
  return until === null ? `${begin} on` : `${begin} until ${isoTime(until)}`;
}

/** The condition, in SQL of both engines, that `column` lies in `span`. */
export function within(column: string, { from, until }: Span): string {
  return [
    ...from === null ? [] : [`${column} >= ${instant(from)}`],
    ...until === null ? [] : [`${column} < ${instant(until)}`],
  ].join(" AND ") || "TRUE";
}

/** The condition that something that began at `begin` and ended at `end`, if it did, lasted into `span`. */
export function overlaps(begin: string, end: string, { from, until }: Span): string {
  return [
    ...from === null ? [] : [`(${end} IS NULL OR ${end} >= ${instant(from)})`],
    ...until === null ? [] : [`${begin} < ${instant(until)}`],
  ].join(" AND ") || "TRUE";
}

function instant(microseconds: number): string {
  return `TIMESTAMPTZ '${isoTime(microseconds)}'`;
}
