// The two families of errors.
//
// - {@link UserError}: something the person at the keyboard can mend (a config value, a missing file,
//   an unreachable server). `main.ts` prints it as one line and exits with {@link UserError.exitCode}.
// - {@link Fault}: a refusal by a parser or protocol, identified by its `code`; callers count it, log it or
//   set the bytes aside. Anything else that is thrown is a bug.

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

  /** Makes one. `message` says what was wrong, where, and what would be right. */
  constructor(code: Code, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}

/** The text of anything thrown, in one line, for a log record or a dead letter. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
