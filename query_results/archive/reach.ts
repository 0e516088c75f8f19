/**
 * What the sandbox lets the program read and write, seen before anything is begun.
 *
 * @module
 */
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

/** How much of a path an error shows. */
const MAX_PATH = 200;

/**
 * Sees to it that the archive can be read and the folder for the results be written.
 *
 * @throws {UserError} when the sandbox keeps one of them out of reach; it tells the flags that let it in.
 */
export async function checkReach(archive: string, out: string): Promise<void> {
  const needs = [
    { name: "read", path: archive },
    { name: "read", path: out },
    { name: "write", path: out },
  ] as const;
  for (const { name, path } of needs) {
    const { state } = await Deno.permissions.query({ name, path });
    if (state === "granted") continue;
    const shown = (text: string) => printable(text, MAX_PATH);
    throw new UserError(
      `The sandbox does not let this program ${name} ${
        shown(path)
      }. To let it: deno run --quiet --no-prompt -P=query --allow-read=query_results,${
        shown(archive)
      },${shown(out)} ` +
        `--allow-write=${shown(out)} query_results/main.ts --archive … --out …`,
    );
  }
}
