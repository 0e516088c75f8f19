// What a crash, or a move of the folder, left behind: put right before anything else is done.

import type { DuckDBConnection } from "@duckdb/node-api";
import { join } from "node:path";
import { logger } from "../../shared/log.ts";
import { rowsOf } from "../store/database.ts";
import { transaction } from "./context.ts";
import { type DayFile, forgetKeys, readDayFiles, replaceView, setPath } from "./day_files.ts";
import { DAY_TABLES, dayTable, isInFolder, manifestPath, parquetPath, PARTIAL } from "./layout.ts";
import { isFile, removeFile } from "./files.ts";
import { isListed, isListedManifest } from "./check_file.ts";

const log = logger("archiver", "days");

/** Cold files that cannot be read, by their paths: until they can, what reads them fails. */
export interface UnreadableFiles {
  readonly missing: readonly string[];
  readonly damaged: readonly string[];
}

/**
 * Removes files that are half written or were dropped, forgets keys of messages that are hot, and finds those that moved with the folder.
 *
 * @param folder of the files, absolute.
 * @returns cold files that something is wrong with.
 */
export async function recover(
  connection: DuckDBConnection,
  folder: string,
): Promise<UnreadableFiles> {
  for (const table of DAY_TABLES) await removePartial(join(folder, table.name));
  const files = await readDayFiles(connection);
  for (const file of files) {
    if (file.state === "dropped" && isInFolder(folder, file)) await removeDropped(file);
  }
  await forgetHotKeys(connection);
  const present = files.filter(({ state }) => state !== "dropped");
  await followFolder(connection, folder, present);
  const missing: string[] = [];
  const damaged: string[] = [];
  for (const file of await readDayFiles(connection)) {
    if (file.state !== "cold" || await isListed(file.path, file)) continue;
    if (await isFile(file.path)) damaged.push(file.path);
    else missing.push(file.path);
  }
  return { missing, damaged };
}

/** Keys that were kept for a file whose rows did not leave the hot store then: when they do, they are kept anew. */
async function forgetHotKeys(connection: DuckDBConnection): Promise<void> {
  const files = await rowsOf(
    connection,
    `SELECT DISTINCT c.file_id FROM cold_messages c JOIN day_files f ON f.file_id = c.file_id
    WHERE f.state = 'copied'`,
  );
  for (const { file_id } of files) {
    await transaction(connection, () => forgetKeys(connection, Number(file_id)));
  }
}

/** Finishes what {@link dropFile} began. Another archive's file may have the name by now. */
async function removeDropped(file: DayFile): Promise<void> {
  const { path } = file;
  if (await isListed(path, file)) await removeFile(path);
  if (await isFile(path) || !await isListedManifest(path, file)) return;
  await removeFile(manifestPath(path));
}

async function removePartial(folder: string): Promise<void> {
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) await removePartial(path);
      else if (name.endsWith(PARTIAL)) await Deno.remove(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The list and the views name absolute paths. Only files that are found where the folder is now are followed. */
async function followFolder(
  connection: DuckDBConnection,
  folder: string,
  files: readonly DayFile[],
): Promise<void> {
  const moved: [DayFile, string][] = [];
  for (const file of files) {
    const path = parquetPath(folder, file);
    if (path !== file.path && await isListed(path, file)) moved.push([file, path]);
  }
  if (moved.length === 0) return;
  log.info("{count} files of days are in {folder} now", { count: moved.length, folder });
  await transaction(connection, async () => {
    for (const [file, path] of moved) await setPath(connection, file.id, path);
    const tables = new Set(
      moved.filter(([{ state }]) => state === "cold").map(([{ table }]) => dayTable(table)),
    );
    for (const table of tables) await replaceView(connection, table);
  });
}
