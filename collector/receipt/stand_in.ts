/**
 * What is recorded in place of a message whose text is not stored: a message of a type that no peer's message has, whose
 * text says what is missing and why. Its receipts are those of all messages that it stands in for.
 *
 * @module
 */

/** The type of stand-ins: odd, unassigned (BOLT 1), and never recorded of a peer. */
export const STAND_IN_TYPE = 0xffff;

/** A stand-in that says `reason`. */
export function standIn(reason: string): Uint8Array {
  const text = new TextEncoder().encode(reason);
  return new Uint8Array([STAND_IN_TYPE >> 8, STAND_IN_TYPE & 0xff, ...text]);
}
