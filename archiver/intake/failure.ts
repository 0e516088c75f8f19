// Failed commits: whether the batch or the environment is at fault, and when to retry.

import { errorText } from "../../shared/errors.ts";

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;

/** What DuckDB's errors begin with when a value cannot be stored. */
const REFUSALS = /^(Conversion|Constraint|Invalid Input|Invalid Type|Out of Range) Error/;

/** V8 reports short memory as a RangeError, too. */
const OUT_OF_MEMORY = /allocation failed|out of memory/i;

/**
 * True when the batch itself cannot be stored: retrying would always fail. All else is the environment's fault (a full
 * disk, no memory, a missing file) and may pass.
 */
export function isRefusal(error: unknown): boolean {
  const text = errorText(error);
  return error instanceof RangeError ? !OUT_OF_MEMORY.test(text) : REFUSALS.test(text);
}

/** How long to wait after the `attempt`-th failure in a row (from 0): doubling up to a limit. */
export function retryDelayMs(attempt: number): number {
  return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
}
