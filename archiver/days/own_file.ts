// Whether what lies at a path is the file that the archive lists: two archives may have been given one folder.

import type { DayFile } from "./day_files.ts";
import { digest, sizeOf } from "./files.ts";
import { manifestPath } from "./layout.ts";
import { parseManifest } from "./manifest.ts";

/** As far as can be seen without reading it: its size, and the SHA-256 in the manifest beside it, if there is one. */
export async function isListed(path: string, file: DayFile): Promise<boolean> {
  if (await sizeOf(path) !== file.bytes) return false;
  const told = await toldSha256(path);
  return told === null || told === file.sha256;
}

/** Whether the manifest at a path is that of the file. */
export async function isListedManifest(path: string, file: DayFile): Promise<boolean> {
  return await toldSha256(path) === file.sha256;
}

/**
 * Whether it is the file, or was before it was damaged or written anew: the manifest beside it or its own SHA-256 is
 * the one that the archive lists.
 */
export async function wasListed(
  path: string,
  file: DayFile,
  signal: AbortSignal,
): Promise<boolean> {
  if (await isListedManifest(path, file)) return true;
  return await sizeOf(path) === file.bytes && (await digest(path, signal)).sha256 === file.sha256;
}

/** What the manifest beside a Parquet file says; null when there is none that can be read. */
async function toldSha256(path: string): Promise<string | null> {
  try {
    const beside = manifestPath(path);
    return parseManifest(await Deno.readTextFile(beside), beside).sha256;
  } catch {
    return null;
  }
}
