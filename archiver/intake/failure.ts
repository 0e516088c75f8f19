// Commits that failed: whether it was the batch or the world, and when to try again.

import { errorText } from "../../shared/errors.ts";

const FIRST_RETRY_MILLISECONDS = 250;
const MAX_RETRY_MILLISECONDS = 5000;

/** What DuckDB's errors begin with when a value cannot be stored. */
const REFUSALS = /^(Conversion|Constraint|Invalid Input|Invalid Type|Out of Range) Error/;

/** What V8's errors say when memory is short; they are of the same kind as those of numbers out of range. */
const OUT_OF_MEMORY = /allocation failed|out of memory/i;

/**
 * True when the batch itself cannot be stored: trying again would fail for ever. All else is the world's (a full disk,
 * no memory, a file that is gone), and may pass.
 */
export function isRefusal(error: unknown): boolean {
  const text = errorText(error);
  return error instanceof RangeError ? !OUT_OF_MEMORY.test(text) : REFUSALS.test(text);
}

/** The first line of an error's text: DuckDB's go on with the statement and stacks. */
export function firstLine(error: unknown): string {
  return errorText(error).split("\n")[0];
}

/** How long to wait after the `attempt`-th failure in a row (from 0): doubling, up to a limit. */
export function retryMilliseconds(attempt: number): number {
  return Math.min(MAX_RETRY_MILLISECONDS, FIRST_RETRY_MILLISECONDS * 2 ** attempt);
}
