// Times as logs write them: `2026-11-30T20:16:50.785Z`, `2026-11-30 20:45:25.815`.

/** Characters of a time with milliseconds, without zone. */
export const INSTANT_CHARS = 23;
/** Finds one in a text. */
export const INSTANT = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}/;

let cachedDay = "";
let cachedDayMs = NaN;

/** The wall-clock time at `at`, read as UTC: µs since the Unix epoch; NaN when there is none. */
export function wallTime(text: string, at: number): number {
  const day = text.slice(at, at + 10);
  if (day !== cachedDay) {
    cachedDay = day;
    cachedDayMs = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN;
  }
  const hours = number(text, at + 11, 2), minutes = number(text, at + 14, 2);
  const seconds = number(text, at + 17, 2), ms = number(text, at + 20, 3);
  if (hours > 23 || minutes > 59 || seconds > 60) return NaN;
  const isWritten = text.charCodeAt(at + 13) === COLON && text.charCodeAt(at + 16) === COLON &&
    text.charCodeAt(at + 19) === POINT;
  if (!isWritten) return NaN;
  return (cachedDayMs + ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms) * 1000;
}

const COLON = 0x3a, POINT = 0x2e, ZERO = 0x30;

/** NaN unless all are digits. */
function number(text: string, at: number, digits: number): number {
  let value = 0;
  for (let i = at; i < at + digits; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    value = digit >= 0 && digit <= 9 ? 10 * value + digit : NaN;
  }
  return value;
}
