// Repairs what a crash, or a move of the folder, left.

import { BIGINT, type DuckDBConnection } from "@duckdb/node-api";
import { join } from "node:path";
import { logger } from "../../shared/log.ts";
import { rowsOf } from "../store/database.ts";
import { outdateSummary } from "../store/summaries.ts";
import { transaction } from "./context.ts";
import { type DayFile, forgetKeys, readDayFiles, replaceView, setPath } from "./day_files.ts";
import {
  DAY_TABLES,
  dayTable,
  isInFolder,
  manifestPath,
  parquetPath,
  PARTIAL,
  RECEIPTS,
  SUMMARIES,
} from "./layout.ts";
import { isFile, removeFile } from "./files.ts";
import { isListed, isListedManifest } from "./manifest.ts";

const log = logger("archiver", "days");

/** Paths of cold files that cannot be read; queries that need them fail. */
export interface UnreadableFiles {
  readonly missing: readonly string[];
  readonly damaged: readonly string[];
}

/**
 * Removes partial and dropped files, forgets the keys of hot messages, and follows files that moved with the folder.
 * @param folder of the files, absolute.
 * @returns cold files that are missing or damaged.
 */
export async function recover(
  connection: DuckDBConnection,
  folder: string,
): Promise<UnreadableFiles> {
  for (const table of [...DAY_TABLES, ...SUMMARIES]) await removePartial(join(folder, table.name));
  const files = await readDayFiles(connection);
  for (const file of files) {
    if (file.state === "dropped" && isInFolder(folder, file)) await removeDropped(file);
  }
  await forgetHotKeys(connection);
  const present = files.filter(({ state }) => state !== "dropped");
  await followFolder(connection, folder, present);
  const cold = (await readDayFiles(connection)).filter(({ state }) => state === "cold");
  const isSummary = ({ table }: DayFile) => SUMMARIES.includes(dayTable(table));
  const gone = new Set(
    files.filter(({ table, state }) => table === RECEIPTS.name && state === "dropped")
      .map(({ day }) => day),
  );
  const canBeMadeAgain = (file: DayFile) => isSummary(file) && !gone.has(file.day);
  const unreadable = await findUnreadable(cold.filter((file) => !canBeMadeAgain(file)));
  // Not while a disk is away.
  if (isReadable(unreadable)) {
    for (const file of cold.filter(canBeMadeAgain)) {
      if (await isListed(file.path, file)) continue;
      await transaction(connection, async () => {
        await outdateSummary(connection, file.day);
        await replaceView(connection, dayTable(file.table));
      });
    }
  }
  return unreadable;
}

/** Whether all files are there and whole. */
export function isReadable({ missing, damaged }: UnreadableFiles): boolean {
  return missing.length === 0 && damaged.length === 0;
}

async function findUnreadable(files: readonly DayFile[]) {
  const found: Record<keyof UnreadableFiles, string[]> = { missing: [], damaged: [] };
  for (const file of files) {
    if (await isListed(file.path, file)) continue;
    found[await isFile(file.path) ? "damaged" : "missing"].push(file.path);
  }
  return found;
}

/** Keys of a file whose rows did not leave the hot store after all; dropping it keeps them anew. */
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

/** Finishes an interrupted `dropFile`. Another archive's file may have the name by now. */
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

/** List and views name absolute paths: updates those of files found in the folder's new place. */
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
  log.info("Moved {count} day files to {folder}", { count: moved.length, folder });
  await transaction(connection, async () => {
    for (const [file, path] of moved) await setPath(connection, file.id, path);
    const tables = new Set(
      moved.filter(([{ state }]) => state === "cold").map(([{ table }]) => dayTable(table)),
    );
    for (const table of tables) await replaceView(connection, table);
  });
}

/** How long an epoch that was cut off may still have batches in its collector's spool. */
const CUT_OFF_US = 30 * 86_400_000_000;

/**
 * Forgets the message numbers of finished epochs whose messages are cold. An epoch is finished when it ended and all it
 * stamped is here, or when it was cut off long ago; not while receipts or events of it are unresolved.
 * @param now µs since the Unix epoch.
 * @returns how many were forgotten.
 */
export async function pruneNumbers(connection: DuckDBConnection, now: number): Promise<number> {
  const reader = await connection.runAndReadAll(
    `DELETE FROM message_numbers WHERE epoch_id IN (
      SELECT e.epoch_id FROM epochs e
      WHERE ((e.ended_at IS NOT NULL AND e.receipts = e.stamped_receipts
          AND NOT EXISTS (SELECT 1 FROM gaps g WHERE g.epoch_id = e.epoch_id))
        OR (e.last_commit_at < make_timestamptz($1)
          AND EXISTS (SELECT 1 FROM epochs later
            WHERE later.collector_id = e.collector_id AND later.started_at > e.started_at)))
        AND NOT EXISTS (SELECT 1 FROM unresolved_receipts u WHERE u.epoch_id = e.epoch_id)
        AND NOT EXISTS (SELECT 1 FROM unresolved_events u WHERE u.epoch_id = e.epoch_id)
    ) AND message_id IN (SELECT message_id FROM cold_messages)`,
    [BigInt(now - CUT_OFF_US)],
    [BIGINT],
  );
  return Number(reader.getRows()[0][0]);
}
