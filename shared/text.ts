// Text that came from outside.

// Written as property escapes: Cc control, Cf format (zero-width and bidirectional), Zl and Zp line separators.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"\\]/gu;

/**
 * Peer text made safe for a log line or a terminal: control, bidirectional and invisible characters, quotes and
 * backslashes become `\u{…}`, and anything past `limit` characters becomes `…`.
 */
export function printable(text: string, limit = 120): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(UNSAFE, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** A size as people read it: `1.5 MiB`. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** A number as people read it: `1,234,567`. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en");
}
