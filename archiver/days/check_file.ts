// Whether a file is still what the archive recorded.

import type { DuckDBConnection } from "@duckdb/node-api";
import { errorText } from "../../shared/errors.ts";
import type { DayFile } from "./day_files.ts";
import { dayTable, manifestPath } from "./layout.ts";
import { digest, sizeOf } from "./files.ts";
import {
  difference,
  manifestSums,
  parquetRelation,
  parseManifest,
  readSums,
  type Sums,
} from "./manifest.ts";

/**
 * Compares the archive's list, the manifest and the Parquet file: SHA-256, size, row count, time bounds and the sum of
 * each column.
 * @returns the file's sums, or a problem in words.
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

/** Judged without reading it: by its size, and by the SHA-256 in the manifest beside it, if there is one. */
export async function isListed(path: string, file: DayFile): Promise<boolean> {
  if (await sizeOf(path) !== file.bytes) return false;
  const sha256 = await manifestSha256(path);
  return sha256 === null || sha256 === file.sha256;
}

/** Whether the manifest at a path is that of the file. */
export async function isListedManifest(path: string, file: DayFile): Promise<boolean> {
  return await manifestSha256(path) === file.sha256;
}

/** Whether it is the file, or was before it was damaged: its manifest's or its own SHA-256 is the listed one. */
export async function wasListed(
  path: string,
  file: DayFile,
  signal: AbortSignal,
): Promise<boolean> {
  if (await isListedManifest(path, file)) return true;
  return await sizeOf(path) === file.bytes && (await digest(path, signal)).sha256 === file.sha256;
}

async function manifestSha256(path: string): Promise<string | null> {
  try {
    const beside = manifestPath(path);
    return parseManifest(await Deno.readTextFile(beside), beside).sha256;
  } catch {
    return null;
  }
}
