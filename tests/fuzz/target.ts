// What is fuzzed: a parser, valid inputs for it, and what must hold of any input.

import { BatchFault } from "../../shared/batch/fault.ts";
import { errorText, Fault } from "../../shared/errors.ts";

/** A parser under test. */
export interface Target {
  /** Its name on the command line. */
  readonly name: string;
  /** Valid inputs, and a few that are nearly so, from which others are made. */
  readonly corpus: readonly Uint8Array[];
  /** The longest input that is tried, in bytes. */
  readonly maxBytes: number;
  /**
   * Gives an input to the parser.
   *
   * @param input may be changed.
   * @returns what became of it, in a few words: inputs whose outcome is new are changed further. Begins with `ok` when the
   * parser took it.
   * @throws {Error} anything, when the parser does not keep its word.
   */
  readonly run: (input: Uint8Array) => string;
  /** Gives back what it holds. */
  readonly dispose?: () => void;
}

/** How much of an error's text tells outcomes apart: not what it quotes, nor numbers. */
const MAX_OUTCOME = 60;

/** The outcome of a refusal. @throws the error itself when it is not of the class that the parser promised. */
export function refusal(error: unknown, promised: typeof Fault<string>): string {
  if (!(error instanceof promised)) throw error;
  const text = errorText(error).replace(/["'`].*/s, "").replace(/\d+/g, "");
  return `${error.code}: ${text.slice(0, MAX_OUTCOME)}`;
}

/** {@link refusal} of the batch codec and what is built on it. */
export function batchRefusal(error: unknown): string {
  return refusal(error, BatchFault as typeof Fault<string>);
}

/** Says what should hold. @throws {Error} with `what` when it does not. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** Whether two arrays hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Text as bytes. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
