/**
 * What a peer says in words.
 *
 * @module
 */
import { printable } from "../../shared/text.ts";

/** Longest text shown, in characters; no more bytes than any encoding of these takes are decoded. */
const MAX_CHARACTERS = 200;
const MAX_BYTES = 4 * MAX_CHARACTERS;

/** A peer's bytes as quoted text, fit for a log line and an event. */
export function quoted(data: Uint8Array): string {
  return `"${printable(new TextDecoder().decode(data.subarray(0, MAX_BYTES)), MAX_CHARACTERS)}"`;
}
