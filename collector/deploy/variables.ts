/**
 * Which environment variables a build lets the collector see.
 *
 * @module
 */
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

/** A name in the sense of POSIX (Base Definitions, 3.216); no pattern, which Deno would take too. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The values of Deno's `--allow-env`, each once.
 *
 * @throws {UserError} for what is no variable's name.
 */
export function allowedEnv(names: readonly string[]): string[] {
  for (const name of names) {
    if (NAME.test(name)) continue;
    throw new UserError(
      `Cannot open --allow-env "${
        printable(name)
      }": it should be a variable's name, such as NATS_PASSWORD`,
    );
  }
  return [...new Set(names)];
}
