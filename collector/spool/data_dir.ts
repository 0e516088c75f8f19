// The data folder and the lock that keeps it to one process: two collectors under one key would push each other off
// every peer, and would write one spool twice.

import { errorText, UserError } from "../../shared/errors.ts";

/** Read, write and enter for its owner alone: the key is in it. */
const DATA_DIR_MODE = 0o700;

/**
 * Makes the folder if need be, and holds it until the result is disposed of. The lock goes with the process, however
 * that ends.
 * @throws {UserError} when the folder cannot be made or another process holds it.
 */
export async function holdDataDir(path: string): Promise<Disposable> {
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(path, { recursive: true, mode: DATA_DIR_MODE });
    file = await Deno.open(`${path}/lock`, { write: true, create: true });
  } catch (error) {
    throw new UserError(`Cannot use data folder ${path}: ${errorText(error)}`, { cause: error });
  }
  if (!await file.tryLock(true)) {
    file.close();
    throw new UserError(
      `Cannot use data folder ${path}: another collector holds it; stop that one, or give this one its own data_dir`,
    );
  }
  let held = true;
  return {
    [Symbol.dispose]() {
      if (held) file.close();
      held = false;
    },
  };
}
