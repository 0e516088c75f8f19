// The demo's output folder: what of an earlier demo goes, and what is never touched.

import { join, resolve } from "node:path";
import { errorText, UserError } from "../../shared/errors.ts";

/** Says that a folder is a demo's own. */
const MARKER = ".demo";
const MARKER_TEXT = "Made by `deno task demo`, which replaces it when it runs again.\n";

/** Where the demo puts what; all absolute. Disposing lets another demo have it. */
export interface DemoFolder extends Disposable {
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
 * @throws {UserError} when there is an archive that no demo made, when another demo is at work there, or when it may
 * not write there.
 */
export async function prepareFolder(out: string): Promise<DemoFolder> {
  const path = resolve(out);
  const archive = join(path, "archive.duckdb");
  const run = join(path, "run");
  let lock: Deno.FsFile | null = null;
  try {
    if (!await exists(join(path, MARKER))) {
      for (const foreign of [archive, run]) {
        if (!await exists(foreign)) continue;
        throw new UserError(
          `Cannot use ${path}: ${foreign} is there and no demo made it; give another --out`,
        );
      }
    }
    await Deno.mkdir(path, { recursive: true });
    lock = await Deno.open(join(path, MARKER), { create: true, write: true });
    if (!await lock.tryLock(true)) {
      throw new UserError(`Cannot use ${path}: another demo is at work there; give another --out`);
    }
    await lock.write(new TextEncoder().encode(MARKER_TEXT));
    for (const old of [archive, `${archive}.wal`, run]) {
      if (await exists(old)) await Deno.remove(old, { recursive: true });
    }
    await Deno.mkdir(run);
  } catch (error) {
    lock?.close();
    throw refusal(path, out, error);
  }
  // Closing the file gives the lock back.
  return { path, archive, run, [Symbol.dispose]: () => lock.close() };
}

function refusal(path: string, out: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new UserError(
      `Cannot write to ${path}: the demo's permissions end at query_results/runs/demo; for another folder run ` +
        `deno run --quiet --no-prompt -P=demo --allow-read=query_results,${out} --allow-write=${out} tests/demo/main.ts --out ${out}`,
      { cause: error },
    );
  }
  return new UserError(`Cannot use ${path}: ${errorText(error)}`, { cause: error });
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
