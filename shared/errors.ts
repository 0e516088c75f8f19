// The families of errors.
//
// - {@link UserError}: something the person at the keyboard can mend (a config value, a missing file,
//   an unreachable server). `main.ts` prints it as one line and exits with {@link UserError.exitCode}.
// - {@link Fault}: a refusal by a parser or protocol, identified by its `code`; callers count it, log it or
//   set the bytes aside.
// - {@link Refusal}: a request that the archiver's API answers with 409.
//
// Anything else that is thrown is a bug.

/** A mistake its reader can mend: one line that says what, where and what would be right. */
export class UserError extends Error {
  override readonly name = "UserError";
  /** The exit code of a program that ends on this error: 2, as is usual for wrong usage. */
  readonly exitCode: number;

  /** Makes one. `message` is one line or, for a list of faults, one line a fault; `exitCode` is 2 by default. */
  constructor(message: string, options: ErrorOptions & { exitCode?: number } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? 2;
  }
}

/**
 * A refusal with a machine-readable code, e.g. `new Fault("truncated", "init: 3 bytes left, 32 needed")`.
 * Each parser narrows `Code` to its own union, so that a `switch` over `fault.code` is checked.
 */
export class Fault<Code extends string = string> extends Error {
  override readonly name: string = "Fault";
  readonly code: Code;

  constructor(code: Code, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}

/** Why what is asked for cannot begin now. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** The text of anything thrown, in one line, for a log record or a dead letter. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The first line of an error's text; DuckDB appends the statement and a stack. */
export function firstLine(error: unknown): string {
  return errorText(error).split("\n")[0];
}

/** What the system, DuckDB and Deno say of a disk without room: ENOSPC, EDQUOT, EFBIG, no room for temporary data. */
const DISK_FULL =
  /No space left on device|os error 28\b|quota exceeded|os error 122\b|File too large|os error 27\b|failed to offload data block/i;

const OUT_OF_MEMORY = /^Out of Memory Error/m;

/** Why DuckDB cannot read a file in a bucket, and what would be right, in one line; null when an error says something else. */
export function bucketReason(text: string): string | null {
  const [, url] = text.match(/HTTP (?:GET|HEAD)\b[^']*'([^']{1,1000})'/) ?? [];
  if (url === undefined) return null;
  const [, status] = text.match(/\(HTTP (\d{3})\b/) ?? [];
  const [, code = status] = text.match(/^(?!HTTP)([A-Z][A-Za-z0-9]{2,40}): /m) ?? [];
  if (status === undefined) {
    return `cannot reach ${url}; check the endpoint, and that its service runs`;
  }
  if (status === "404") {
    return `${url} is gone (${code}); put it back, or take its day out of what is published, and register that`;
  }
  if (status === "401" || status === "403") {
    return `S3 refuses to read ${url} (${code}); check access_key_file, secret_key_file and this host's clock`;
  }
  return `S3 answers ${code} for ${url}; try again later`;
}

/**
 * The error that a program should end on: of nested ones a {@link UserError}, or one made of a full disk, a file in a bucket
 * that cannot be read, or too small a memory limit; else the error itself.
 */
export function finalError(error: unknown): unknown {
  const nested = [...nestedErrors(error)];
  const mendable = nested.find((inner) => inner instanceof UserError);
  if (mendable !== undefined) return mendable;
  const lineOf = (pattern: RegExp) =>
    nested.map((inner) => errorText(inner)).find((text) => pattern.test(text))?.split("\n")[0];
  const full = lineOf(DISK_FULL);
  if (full !== undefined) {
    return new UserError(`The disk is full: ${full}. Free space and run the command again`, {
      cause: error,
    });
  }
  const unread = nested.map((inner) => bucketReason(errorText(inner))).find((line) =>
    line !== null
  );
  if (unread) return new UserError(`Cannot read the archive: ${unread}`, { cause: error });
  const tooMuch = lineOf(OUT_OF_MEMORY);
  if (tooMuch === undefined) return error;
  return new UserError(
    `DuckDB ran out of memory: ${tooMuch}. Raise memory_limit (--memory for queries)`,
    { cause: error },
  );
}

/** An error, what it was caused by, and what was thrown while it passed through `using`. */
function* nestedErrors(error: unknown, depth = 8): Generator<unknown> {
  yield error;
  if (!(error instanceof Error) || depth === 0) return;
  const { cause, suppressed, error: later } = error as Partial<SuppressedError>;
  for (const inner of [suppressed, later, cause]) {
    if (inner !== undefined) yield* nestedErrors(inner, depth - 1);
  }
}
