// Dropping days: a copied file's rows from the hot store, after which the views read the file; and cold files from disk.

import { BIGINT, type DuckDBConnection, INTEGER } from "@duckdb/node-api";
import { shaKeySql } from "../store/cold.ts";
import { rowsOf } from "../store/database.ts";
import { isUndecided } from "../store/sql.ts";
import { type DaysContext, transaction } from "./context.ts";
import { type DayFile, forgetKeys, replaceView, setState } from "./day_files.ts";
import { dayTable, isInFolder, manifestPath, MESSAGES } from "./layout.ts";
import { removeFile } from "./files.ts";
import { bounds, checkFile, difference, readSums, type Sums, within } from "./manifest.ts";

class Mismatch extends Error {}

/** Compares a file with the hot rows it copies, without changing anything. @returns a difference in words, or null. */
export async function compareWithHot(context: DaysContext, file: DayFile): Promise<string | null> {
  const { connection, signal } = context;
  const checked = await checkFile(connection, file, signal);
  if (checked.problem !== null) return checked.problem;
  return await compare(connection, file, checked.sums);
}

/**
 * Drops the file's rows from the hot store if file, manifest and hot rows agree. Rows, view and list change in one
 * transaction, in which the hot rows are summed, too: rows that come later stay.
 * @returns why nothing was dropped, or null.
 */
export async function dropHot(context: DaysContext, file: DayFile): Promise<string | null> {
  const { connection, onStep, signal } = context;
  const checked = await checkFile(connection, file, signal);
  if (checked.problem !== null) return checked.problem;
  onStep("drop hot: file verified");
  const drop = file.table === MESSAGES.name ? dropMessages : dropReceipts;
  const wrong = await drop(context, file, checked.sums);
  if (wrong === null) onStep("drop hot: committed");
  return wrong;
}

async function dropReceipts(
  context: DaysContext,
  file: DayFile,
  sums: Sums,
): Promise<string | null> {
  const { connection } = context;
  try {
    await transaction(connection, async () => {
      const wrong = await compare(connection, file, sums);
      if (wrong !== null) throw new Mismatch(wrong);
      await swapRows(context, connection, file);
    });
    return null;
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    return error.message;
  }
}

/**
 * Commits change hot messages, so their swap must come between two commits, and be short. Summing a day of the real
 * network takes 1.3 s of CPU, its keys 0.5 s; checking that no commit changed a row since takes 0.02 s.
 */
async function dropMessages(
  context: DaysContext,
  file: DayFile,
  sums: Sums,
): Promise<string | null> {
  const { connection, onStep, change } = context;
  const { wrong, state } = await transaction(connection, async () => ({
    wrong: await compare(connection, file, sums),
    state: await changingSum(connection, file),
  }));
  if (wrong !== null) return wrong;
  await transaction(connection, () => keepKeys(connection, file));
  onStep("drop hot: keys kept");
  let isSame = false;
  // No throw on a mismatch: an error would make the store reopen the archive.
  await change(async (on) => {
    isSame = await changingSum(on, file) === state;
    if (isSame) await swapRows(context, on, file);
  });
  return isSame ? null : "hot store and file: a commit changed a message meanwhile";
}

/** Over all that commits change in hot messages. Compare at once, never keep: see {@link Sums.together}. */
async function changingSum(connection: DuckDBConnection, file: DayFile): Promise<string> {
  const [row] = await rowsOf(
    connection,
    `SELECT count(*) || ' ' || coalesce(sum(hash(message_id, verdict, first_seen, raw IS NULL)), 0) AS state
    FROM ${MESSAGES.hot} WHERE ${within(MESSAGES)}`,
    bounds(file.interval),
    [BIGINT, BIGINT],
  );
  return String(row.state);
}

async function compare(
  connection: DuckDBConnection,
  file: DayFile,
  sums: Sums,
): Promise<string | null> {
  const table = dayTable(file.table);
  const wrong = difference(await readSums(connection, table, table.hot, file.interval), sums);
  return wrong === null ? null : `hot store and file: ${wrong}`;
}

async function swapRows(
  context: DaysContext,
  connection: DuckDBConnection,
  file: DayFile,
): Promise<void> {
  const { onStep, clock } = context;
  const table = dayTable(file.table);
  onStep("drop hot: rows verified");
  const sql = `DELETE FROM ${table.hot} WHERE ${within(table)}`;
  await connection.run(sql, bounds(file.interval), [BIGINT, BIGINT]);
  onStep("drop hot: rows deleted");
  await setState(connection, file.id, "cold", clock.now());
  await replaceView(connection, table);
  onStep("drop hot: views replaced");
}

/** The writer recognises cold messages by these. */
async function keepKeys(connection: DuckDBConnection, file: DayFile): Promise<void> {
  await forgetKeys(connection, file.id);
  await connection.run(
    `INSERT INTO cold_messages
    SELECT message_id, ${shaKeySql("sha256")}, CAST($3 AS INTEGER),
      ${isUndecided("verdict")}
    FROM ${MESSAGES.hot} WHERE ${within(MESSAGES)} ORDER BY message_id`,
    [...bounds(file.interval), file.id],
    [BIGINT, BIGINT, INTEGER],
  );
}

/**
 * Why a cold file must stay: it is another archive's, or file, manifest and list differ.
 * @param verify false: the file is not read.
 * @returns null when it may be dropped.
 */
export async function reasonToKeep(
  context: DaysContext,
  file: DayFile,
  verify: boolean,
): Promise<string | null> {
  const { connection, folder, signal, publisher } = context;
  if (!isInFolder(folder, file)) return `it lies outside ${folder} (days.folder): ${file.path}`;
  const unpublished = await publisher?.reasonToKeep(context, file);
  if (unpublished) return unpublished;
  return verify ? (await checkFile(connection, file, signal)).problem : null;
}

/** Drops a cold file unless there is a {@link reasonToKeep}, which it returns. A query reading the file meanwhile fails. */
export async function dropFile(context: DaysContext, file: DayFile): Promise<string | null> {
  const { connection, onStep, clock } = context;
  const reason = await reasonToKeep(context, file, true);
  if (reason !== null) return reason;
  onStep("drop files: verified");
  await transaction(connection, async () => {
    await setState(connection, file.id, "dropped", clock.now());
    await replaceView(connection, dayTable(file.table));
    onStep("drop files: views replaced");
  });
  onStep("drop files: committed");
  await removeFile(file.path);
  onStep("drop files: Parquet removed");
  await removeFile(manifestPath(file.path));
  onStep("drop files: manifest removed");
  return null;
}
