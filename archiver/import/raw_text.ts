// Bytes that a text column holds: base64 in either alphabet, or hex.

import { Buffer } from "node:buffer";

/** How bytes are written. Padding of base64 may be there or not. */
export type TextEncoding = "base64url" | "base64" | "hex";

const CHARACTERS: Readonly<Record<TextEncoding, RegExp>> = {
  hex: /^(?:[0-9a-fA-F]{2})*$/,
  base64url: /^[A-Za-z0-9_-]*={0,2}$/,
  base64: /^[A-Za-z0-9+/]*={0,2}$/,
};

/** What a group of four characters must have when it is padded. */
const BASE64_GROUP = 4;

/**
 * The bytes of a text.
 *
 * @returns null when the text is not of that encoding.
 */
export function decodeText(text: string, encoding: TextEncoding): Uint8Array | null {
  if (!CHARACTERS[encoding].test(text)) return null;
  if (encoding === "hex") return new Uint8Array(Buffer.from(text, "hex"));
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  // One character holds less than a byte, and padding fills up a group.
  if ((text.length - padding) % BASE64_GROUP === 1) return null;
  if (padding > 0 && text.length % BASE64_GROUP !== 0) return null;
  return new Uint8Array(Buffer.from(text, encoding));
}

/** Texts that may be spoilt without hiding how the others are written. */
const LEAST_SHARE = 0.9;

/**
 * Which encoding the texts are of: the one that fits most of them. Hex goes first: hardly a message in base64 looks like
 * hex. Texts that fit both alphabets of base64 mean the same in either.
 *
 * @returns null when none fits nearly all, or there is no text.
 */
export function detectTextEncoding(texts: readonly string[]): TextEncoding | null {
  const fitting = (["hex", "base64url", "base64"] as const).map((encoding) => ({
    encoding,
    count: texts.filter((text) => decodeText(text, encoding) !== null).length,
  }));
  const best = fitting.reduce((a, b) => b.count > a.count ? b : a);
  return texts.length > 0 && best.count >= texts.length * LEAST_SHARE ? best.encoding : null;
}

/** Tells an encoding to a reader. @param padded whether any text ends in padding. */
export function encodingName(encoding: TextEncoding, padded: boolean): string {
  if (encoding === "hex") return "hex";
  const name = encoding === "base64url" ? "URL-safe base64" : "base64";
  return `${name} ${padded ? "with" : "without"} padding`;
}
