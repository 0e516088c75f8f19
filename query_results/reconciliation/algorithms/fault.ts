// How the algorithms refuse bytes and ids.

import { Fault } from "../../../shared/errors.ts";

/**
 * - `bad_length`: the bytes are not a whole number of sums;
 * - `bad_element`: zero, or an id wider than the field;
 * - `mismatch`: sketches over different fields;
 * - `too_large`: a capacity or input outside its limit;
 * - `bad_message`, `bad_version`: not a range-based message of the version we speak.
 */
export type ReconciliationCode =
  | "bad_length"
  | "bad_element"
  | "mismatch"
  | "too_large"
  | "bad_message"
  | "bad_version";

/** The only error this folder throws on outside bytes and ids. */
export class ReconciliationFault extends Fault<ReconciliationCode> {
  override readonly name = "ReconciliationFault";
}

/** Throws one. */
export function refuse(code: ReconciliationCode, message: string): never {
  throw new ReconciliationFault(code, message);
}
