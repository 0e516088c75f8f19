import type { DuckDBConnection } from "@duckdb/node-api";
import { errorText, UserError } from "../../shared/errors.ts";
import { type OpenDatabase, openDatabase } from "./database.ts";
import { attachLake, LAKE_SCHEME, lakeReason, readLakeSettings, shownCatalog } from "./lake.ts";
import { openLakeTables } from "./lake_views.ts";
import { openDays } from "./open_days.ts";
import { ROOT_KEY } from "./published.ts";
import { join } from "node:path";

/** The schema's versions that the queries understand. */
export const KNOWN_SCHEMA_VERSIONS: readonly number[] = [1];

/** In a folder of fetched days of the first observer's successor, which are imported. */
export const IMPORTED = "gossip.duckdb";

export interface ReaderOptions {
  /** For its buffers, in DuckDB's own words, e.g. `4GiB`; its default (80 % of all) when absent. */
  readonly memoryLimit?: string;
  /** One per core when absent. */
  readonly threads?: number;
  /** For what does not fit into memory; beside the archive when absent. */
  readonly tempFolder?: string;
}

/**
 * Opens an archive read-only, which no writing process may hold meanwhile: its file, a folder of
 * published days, or a lake (`ducklake:…`). A process that writes it must pass its own
 * connection to the runner instead: a second instance in one process breaks the file's lock.
 * @throws {UserError} in one line when the file is missing, held by another process, no archive, or of a schema version
 * that the queries do not know.
 */
export async function openArchive(
  given: string,
  options: ReaderOptions = {},
): Promise<OpenDatabase> {
  if (given.startsWith(LAKE_SCHEME)) return await openLake(given, options);
  const { path, isDays } = await kindOf(given);
  using stack = new DisposableStack();
  const database = stack.use(await openFile(path, isDays, options));
  const { connection } = database;
  if (isDays) await openDays(connection, path);
  await checkSchema(connection, path);
  await checkDayFiles(connection, path);
  stack.move();
  return database;
}

async function openLake(address: string, options: ReaderOptions): Promise<OpenDatabase> {
  const settings = await readLakeSettings(address);
  using stack = new DisposableStack();
  const database = stack.use(await openDatabase(":memory:", settingsOf(options)));
  const { connection } = database;
  try {
    await attachLake(connection, settings, { readOnly: true });
    await openLakeTables(connection);
    await checkSchema(connection, address);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = lakeReason(error).includes("archives does not exist")
      ? "no days are registered in it; deno task archive lake does that"
      : lakeReason(error);
    throw new UserError(`Cannot open lake ${shownCatalog(settings)}: ${why}`, { cause: error });
  }
  stack.move();
  return database;
}

function settingsOf(options: ReaderOptions): Record<string, string> {
  return {
    ...options.memoryLimit && { memory_limit: options.memoryLimit },
    ...options.threads && { threads: String(options.threads) },
    ...options.tempFolder && { temp_directory: options.tempFolder },
  };
}

/** What a path is: a file, or a folder of days. */
async function kindOf(path: string): Promise<{ path: string; isDays: boolean }> {
  const isFile = (inner: string) => Deno.stat(inner).then(({ isFile }) => isFile, () => false);
  if (await isFile(join(path, ROOT_KEY))) return { path, isDays: true };
  const imported = join(path, IMPORTED);
  return { path: await isFile(imported) ? imported : path, isDays: false };
}

async function openFile(
  path: string,
  isDays: boolean,
  options: ReaderOptions,
): Promise<OpenDatabase> {
  try {
    const found = await Deno.stat(path);
    if (!isDays && !found.isFile) {
      throw new Error(
        found.isDirectory
          ? "it is a folder without published days (index.json); name an archive's file, or a folder that " +
            "deno task archive fetch made"
          : "it is not a file",
      );
    }
    if (isDays) return await openDatabase(":memory:", settingsOf(options));
    return await openDatabase(path, { access_mode: "READ_ONLY", ...settingsOf(options) });
  } catch (error) {
    throw openRefusal(path, error);
  }
}

/** One line on why DuckDB does not open an archive. */
export function openRefusal(path: string, error: unknown): UserError {
  return new UserError(`Cannot open archive ${path}: ${reason(error)}`, { cause: error });
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  const text = errorText(error);
  const holder = text.match(/Conflicting lock is held in (.*?) ?\(PID (\d+)\)/);
  if (holder) {
    const [, program, pid] = holder;
    return `process ${pid} (${program}) holds it; stop that process, or open another file, ` +
      "such as a snapshot";
  }
  if (text.includes("not a valid DuckDB database")) return "it is not a DuckDB file";
  return text.split("\n")[0].replace(/^IO Error: /, "");
}

/** @throws {UserError} when a Parquet file that the views read is missing. */
async function checkDayFiles(connection: DuckDBConnection, path: string): Promise<void> {
  const reader = await connection.runAndReadAll(
    "SELECT path FROM day_files WHERE state = 'cold' AND table_name IN ('receipts', 'messages')",
  );
  const missing: string[] = [];
  for (const [file] of reader.getRows()) {
    try {
      await Deno.stat(String(file));
    } catch (error) {
      // DuckDB may be able to read what the sandbox hides.
      if (error instanceof Deno.errors.NotFound) missing.push(String(file));
    }
  }
  if (missing.length === 0) return;
  const count = missing.length === 1
    ? "one file of its days is"
    : `${missing.length} files of its days are`;
  throw new UserError(
    `Cannot open archive ${path}: ${count} missing, such as ${missing[0]}; put it back, or ` +
      "name its folder in days.folder and let the archiver open the archive once",
  );
}

async function checkSchema(connection: DuckDBConnection, path: string): Promise<void> {
  const known = KNOWN_SCHEMA_VERSIONS.join(", ");
  let version: unknown;
  try {
    const reader = await connection.runAndReadAll("SELECT max(version) FROM schema_version");
    version = reader.getRows()[0][0];
  } catch (error) {
    throw new UserError(
      `Cannot open archive ${path}: it is not an archive of this project (it has no table schema_version)`,
      { cause: error },
    );
  }
  if (!KNOWN_SCHEMA_VERSIONS.includes(Number(version))) {
    throw new UserError(
      `Cannot open archive ${path}: its schema has version ${version}, this program knows ${known}; ` +
        "use the program that wrote it, or let the archiver upgrade it",
    );
  }
}

/** DuckDB forgets an interrupt that comes before the statement proper has begun. */
const REPEAT_MS = 20;

/** Interrupts whatever `connection` runs, repeatedly until the returned function is called. */
export function interruptAll(connection: DuckDBConnection): () => void {
  connection.interrupt();
  const timer = setInterval(() => connection.interrupt(), REPEAT_MS);
  return () => clearInterval(timer);
}
