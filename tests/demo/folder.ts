/**
 * The demo's output folder: what of an earlier demo goes, and what is never touched.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { errorText, UserError } from "../../shared/errors.ts";

/** Says that a folder is a demo's own. */
const MARKER = "run/demo.txt";
const MARKER_TEXT = "Made by `deno task demo`, which replaces it when it runs again.\n";

/** Where the demo puts what; all absolute. */
export interface DemoFolder {
  /** The folder itself: the report, a CSV and an SVG a query. */
  readonly path: string;
  /** The archive. */
  readonly archive: string;
  /** Configs, peers, ledger, the collector's key and spool, logs. */
  readonly run: string;
}

/**
 * Makes the folder, and clears it of an earlier demo's archive and run; a report's files are overwritten later.
 *
 * @throws {UserError} when there is an archive that no demo made, or when it may not write there.
 */
export async function prepareFolder(out: string): Promise<DemoFolder> {
  const path = resolve(out);
  const folder = { path, archive: join(path, "archive.duckdb"), run: join(path, "run") };
  try {
    const own = await exists(join(path, MARKER));
    for (const old of [folder.archive, `${folder.archive}.wal`, folder.run]) {
      if (!await exists(old)) continue;
      if (!own) {
        throw new UserError(
          `Cannot use ${path}: ${old} is there and no demo made it; give another --out`,
        );
      }
      await Deno.remove(old, { recursive: true });
    }
    await Deno.mkdir(folder.run, { recursive: true });
    await Deno.writeTextFile(join(path, MARKER), MARKER_TEXT);
    return folder;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new UserError(
        `Cannot write to ${path}: the demo's permissions end at query_results/demo; for another folder run ` +
          `deno run -P=demo --allow-write=${out} tests/demo/main.ts --out ${out}`,
        { cause: error },
      );
    }
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot use ${path}: ${errorText(error)}`, { cause: error });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
