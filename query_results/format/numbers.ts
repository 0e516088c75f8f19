import { isoTime } from "../../shared/time.ts";

const SIGNIFICANT_DIGITS = 4;

/** An integer with thousands separators, or four significant digits of another number. */
export function formatNumber(value: number | bigint): string {
  if (typeof value === "bigint" || Number.isInteger(value)) return value.toLocaleString("en-US");
  if (Math.abs(value) >= 10 ** SIGNIFICANT_DIGITS) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(SIGNIFICANT_DIGITS)).toLocaleString("en-US", {
    maximumSignificantDigits: SIGNIFICANT_DIGITS,
  });
}

/** A large count in few characters, e.g. `163.9 M`. */
export function formatCount(value: number): string {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"]] as const) {
    if (value >= size) return `${(value / size).toPrecision(SIGNIFICANT_DIGITS)} ${letter}`;
  }
  return formatNumber(value);
}

/** Bytes in the decimal unit that suits them, e.g. `51.2 MB`; three digits. */
export function formatBytes(bytes: number): string {
  for (const [size, unit] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]] as const) {
    if (bytes >= size) return `${Number((bytes / size).toPrecision(3))} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}

/** A span of time in the unit that suits it, e.g. `23.32 h`. */
export function formatDuration(seconds: number): string {
  if (seconds >= 2 * 86_400) return `${formatNumber(seconds / 86_400)} d`;
  if (seconds >= 2 * 3600) return `${formatNumber(seconds / 3600)} h`;
  if (seconds >= 10 * 60) return `${formatNumber(seconds / 60)} min`;
  if (seconds >= 1 || seconds === 0) return `${formatNumber(seconds)} s`;
  return `${formatNumber(seconds * 1000)} ms`;
}

/** An instant (µs since the Unix epoch) to the second in UTC, e.g. `2025-09-26 20:31:10`. */
export function formatInstant(microseconds: number): string {
  return isoTime(microseconds).slice(0, 19).replace("T", " ");
}

/** A name of at most `limit` characters: a longer one is shown by its two ends. */
export function shortName(name: string, limit = 24): string {
  if (name.length <= limit) return name;
  const tail = Math.floor((limit - 1) / 2);
  return `${name.slice(0, limit - 1 - tail)}…${name.slice(-tail)}`;
}

/** `1 peer`, `2 peers`. */
export function formatPlural(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** From now on: `, about 3 min left` by the share that is done, or nothing before any is. */
export function timeLeft(): (done: number) => string {
  const started = performance.now();
  return (done) => {
    const seconds = (performance.now() - started) / 1000;
    return done > 0 ? `, about ${formatDuration(Math.ceil(seconds / done * (1 - done)))} left` : "";
  };
}
