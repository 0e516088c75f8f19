// Cold files off the disk: their rows are gone then.

import { checkFile } from "./check_file.ts";
import { type DaysContext, transaction } from "./context.ts";
import { type DayFile, setState } from "./day_files.ts";
import { dayTable } from "./day_table.ts";
import { removeFile } from "./files.ts";
import { isInFolder, manifestPath } from "./layout.ts";
import { replaceView } from "./views.ts";

/**
 * Why a cold file may not be dropped: it is another archive's, or file, manifest and list do not agree, which may be
 * worth a look.
 *
 * @param verify false: the file is not read.
 * @returns null when it may be dropped.
 */
export async function reasonToKeep(
  { connection, folder, signal }: DaysContext,
  file: DayFile,
  verify: boolean,
): Promise<string | null> {
  if (!isInFolder(folder, file)) return `it lies outside ${folder} (days.folder): ${file.path}`;
  return verify ? (await checkFile(connection, file, signal)).problem : null;
}

/**
 * Drops a cold file, unless there is a {@link reasonToKeep}. A query that runs meanwhile and comes to the file only then fails.
 *
 * @returns why it was not dropped; null when it was.
 */
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
