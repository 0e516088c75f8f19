// An archive that no process writes, opened for reading alone: any number of processes may do so at once. Never in the
// process that writes it: see `database.ts`.

import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { checkDayFiles } from "../../query_results/archive/open.ts";
import { UserError } from "../../shared/errors.ts";
import { type DatabaseOptions, refusal } from "./database.ts";
import { MIGRATIONS, schemaVersion } from "./migrations.ts";

/** The first version in which days have files. */
const OLDEST_VERSION = 5;

/** An open archive; disposing closes it. */
export interface ReadOnlyArchive extends Disposable {
  readonly connection: DuckDBConnection;
}

/**
 * Opens an archive for reading.
 *
 * @throws {UserError} in one line when the file is not there, is held by another process, is no archive, was written by
 * a newer program, or when a Parquet file of its days is missing.
 */
export async function openReadOnly(options: DatabaseOptions): Promise<ReadOnlyArchive> {
  const { path } = options;
  let instance: DuckDBInstance;
  try {
    instance = await DuckDBInstance.create(path, {
      access_mode: "READ_ONLY",
      memory_limit: `${Math.ceil(options.memoryLimitBytes / 1024)}KiB`,
      threads: String(options.threads),
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
    });
  } catch (error) {
    throw refusal(path, error);
  }
  const connection = await instance.connect();
  const archive = {
    connection,
    [Symbol.dispose]() {
      connection.closeSync();
      instance.closeSync();
    },
  };
  try {
    await checkVersion(connection, path);
    await checkDayFiles(connection, path);
  } catch (error) {
    archive[Symbol.dispose]();
    throw error;
  }
  return archive;
}

async function checkVersion(connection: DuckDBConnection, path: string): Promise<void> {
  const version = await schemaVersion(connection).catch((error) => {
    throw new UserError(`Cannot open archive ${path}: it has no schema_version`, { cause: error });
  });
  const known = MIGRATIONS.at(-1)!.version;
  if (version < OLDEST_VERSION || version > known) {
    throw new UserError(
      `Cannot open archive ${path}: its schema has version ${version}, this program reads ${OLDEST_VERSION} to ${known}` +
        (version < known ? "; the archiver upgrades it when it opens it" : ""),
    );
  }
}
