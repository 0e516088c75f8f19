import { COLLECTOR_NAME } from "../../shared/batch/batch.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

/** Reads `--collectors`. @throws {UserError} unless they are names of collectors, and at least one. */
export function collectorNames(text: string | undefined, command: string): string[] {
  if (text === undefined) {
    throw new UserError(`${command}: --collectors is required. See ${command} --help`);
  }
  const names = text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  for (const name of names) {
    // The archiver is a user of the broker, too.
    if (COLLECTOR_NAME.test(name) && name !== "archiver") continue;
    throw new UserError(
      `${command}: --collectors has "${printable(name, 80)}"; a name should be 1 to 63 ` +
        'lower-case letters, digits and dashes, and not "archiver"',
    );
  }
  if (names.length === 0) throw new UserError(`${command}: --collectors names none`);
  return [...new Set(names)];
}

/** The names of a folder's folders, in order; none where it is not there. @throws {UserError} when it cannot be read. */
export async function foldersIn(path: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(path))).filter(({ isDirectory }) => isDirectory)
      .map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new UserError(`Cannot read ${path}: ${errorText(error)}`, { cause: error });
  }
}
