// Whether a file is still what the archive recorded of it.

import type { DuckDBConnection } from "@duckdb/node-api";
import { errorText } from "../../shared/errors.ts";
import type { DayFile } from "./day_files.ts";
import { dayTable } from "./day_table.ts";
import { digest } from "./files.ts";
import { manifestPath } from "./layout.ts";
import { manifestSums, parseManifest } from "./manifest.ts";
import { difference, parquetRelation, readSums, type Sums } from "./sums.ts";

/**
 * Holds the archive's list, the manifest and the Parquet file against each other: SHA-256, size, count, bounds of time
 * and the sum of each column.
 *
 * @returns what the rows in the file add up to, or `problem`, in words.
 */
export async function checkFile(
  connection: DuckDBConnection,
  file: DayFile,
  signal?: AbortSignal,
): Promise<{ readonly sums: Sums; readonly problem: null } | { readonly problem: string }> {
  try {
    const path = manifestPath(file.path);
    const manifest = parseManifest(await Deno.readTextFile(path), path);
    const { bytes, sha256 } = await digest(file.path, signal);
    const same = manifest.table === file.table && manifest.day === file.day &&
      manifest.part === file.part && manifest.rows === file.rows &&
      manifest.covers_from_us === file.interval.from && manifest.covers_to_us === file.interval.to;
    if (!same) return { problem: "its manifest is another file's" };
    for (const found of [manifest, { bytes, sha256 }]) {
      if (found.sha256 === file.sha256 && found.bytes === file.bytes) continue;
      const what = found === manifest ? "its manifest" : "the file";
      return { problem: `${what} has another SHA-256 or size than the archive recorded` };
    }
    const table = dayTable(file.table);
    const sums = await readSums(connection, table, parquetRelation(file.path), file.interval);
    const wrong = difference(manifestSums(manifest), sums);
    return wrong === null ? { sums, problem: null } : { problem: `manifest and file: ${wrong}` };
  } catch (error) {
    signal?.throwIfAborted();
    return { problem: errorText(error).split("\n")[0] };
  }
}
