// Why bytes are not a batch.

import { Fault } from "../errors.ts";

/**
 * - `too_large`: more bytes, receipts, messages, verdicts or events than a batch may have;
 * - `bad_magic`, `bad_version`: not a batch, or of a format this program does not know;
 * - `bad_checksum`: damaged on its way;
 * - `bad_compression`: its body is not deflated, or does not inflate to the length it states;
 * - `truncated`, `trailing`: its body ends too early, or goes on after its end;
 * - `bad_value`: a number outside its range or a column that contradicts another;
 * - `bad_event`: events that are not JSON or break their schema.
 */
export type BatchCode =
  | "too_large"
  | "bad_magic"
  | "bad_version"
  | "bad_checksum"
  | "bad_compression"
  | "truncated"
  | "trailing"
  | "bad_value"
  | "bad_event";

/** A refusal by the batch codec. */
export class BatchFault extends Fault<BatchCode> {
  override readonly name = "BatchFault";
}
