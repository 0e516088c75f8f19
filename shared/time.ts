// Instants as text and back. An instant is µs since the Unix epoch; a day is a day of UTC.

/** A day in µs; UTC has no others. */
export const DAY_US = 86_400_000_000;
/** A day in ms. */
export const DAY_MS = 86_400_000;

/** A day, or an instant with its zone; seconds have at most 6 decimals. */
const TIME =
  /^(\d{4}-\d\d-\d\d)(?:T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6}))?)?(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d)))?$/;

/** An instant as ISO 8601 with microseconds, UTC. */
export function isoTime(instant: number): string {
  const milliseconds = Math.floor(instant / 1000);
  const rest = String(instant - milliseconds * 1000).padStart(3, "0");
  return new Date(milliseconds).toISOString().replace("Z", `${rest}Z`);
}

/** {@link isoTime}, or null. */
export function isoTimeOrNull(instant: number | null): string | null {
  return instant === null ? null : isoTime(instant);
}

/** The day of an instant as `YYYY-MM-DD`. */
export function dayOf(instant: number): string {
  return isoTime(instant).slice(0, 10);
}

/** When a day such as `2025-09-26` begins; NaN when the text is not a day of the calendar. */
export function dayStart(day: string): number {
  return day.length === 10 ? parseTime(day) : NaN;
}

/**
 * The instant that a text names: the begin of a day such as `2025-09-26`, or an instant with its zone such as
 * `2025-09-26T20:00:00.000001Z`; NaN when it is neither, is not in the calendar, or is not exact as a number (before
 * 1684, after 2255).
 */
export function parseTime(text: string): number {
  const parts = text.match(TIME);
  if (parts === null) return NaN;
  const [, day, hour = 0, minute = 0, second = 0, fraction = "", sign, zoneHour, zoneMinute] =
    parts;
  const start = Date.parse(`${day}T00:00:00Z`) * 1000;
  // Date takes 30 February for a day of March.
  if (Number.isNaN(start) || dayOf(start) !== day) return NaN;
  const ahead = sign === undefined
    ? 0
    : Number(`${sign}1`) * (Number(zoneHour) * 60 + Number(zoneMinute));
  const minutes = Number(hour) * 60 + Number(minute) - ahead;
  const instant = start + (minutes * 60 + Number(second)) * 1e6 + Number(fraction.padEnd(6, "0"));
  return Number.isSafeInteger(instant) ? instant : NaN;
}
