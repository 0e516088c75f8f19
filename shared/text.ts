/**
 * Text that came from outside, and bytes as text.
 *
 * @module
 */

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

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case hex of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i]];
  return text;
}

/**
 * The bytes of a hex text.
 *
 * @throws {TypeError} when the text has an odd length or a character that is not a hex digit.
 */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new TypeError(
      `Cannot read hex: "${printable(text, 40)}" is not an even number of hex digits`,
    );
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
