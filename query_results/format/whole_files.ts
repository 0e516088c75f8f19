/**
 * Files that are there whole or not at all.
 *
 * @module
 */
import { errorText, UserError } from "../../shared/errors.ts";

/** Makes a folder with those above it. @throws {UserError} when that cannot be. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw new UserError(`Cannot make folder ${path}: ${errorText(error)}`, { cause: error });
  }
}

/**
 * Writes a file under a name of its own, then gives it its place, so that a reader sees the old one or the new one.
 *
 * @throws {UserError} when it cannot be written.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  try {
    await Deno.writeTextFile(part, text);
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw new UserError(`Cannot write ${path}: ${errorText(error)}`, { cause: error });
  }
}
