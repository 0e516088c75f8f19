import { errorText, UserError } from "../../shared/errors.ts";

/** Makes a folder and its parents. @throws {UserError} */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw new UserError(`Cannot make folder ${path}: ${errorText(error)}`, { cause: error });
  }
}

/** Writes a file beside its place, then renames it: a reader sees the old one or the new one. @throws {UserError} */
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
