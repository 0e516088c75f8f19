/**
 * Cold files off the disk: their rows are gone then.
 *
 * @module
 */
import { checkFile } from "./check_file.ts";
import { type DaysContext, transaction } from "./context.ts";
import { type DayFile, setState } from "./day_files.ts";
import { dayTable } from "./day_table.ts";
import { removeFile } from "./files.ts";
import { manifestPath } from "./layout.ts";
import { replaceView } from "./views.ts";

/**
 * Drops a cold file, once file, manifest and list were found to agree: one that does not may be worth a look. A query
 * that runs meanwhile and comes to the file only then fails.
 *
 * @returns why it was not dropped; null when it was.
 */
export async function dropFile(context: DaysContext, file: DayFile): Promise<string | null> {
  const { connection, onStep, clock, signal } = context;
  const { problem } = await checkFile(connection, file, signal);
  if (problem !== null) return problem;
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
