// Files that exist whole or not at all, also after a power cut, and their SHA-256.

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { ifThere } from "../../shared/files.ts";

const CHUNK_BYTES = 1024 * 1024;

/** Flushes a file, or a folder's entries, to disk. */
export async function sync(path: string): Promise<void> {
  using file = await Deno.open(path);
  await file.sync();
}

/** Makes a folder inside `root` and syncs all from `root` on, existing ones too: a crash may have come before their sync. */
export async function makeFolder(root: string, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (let inner = folder; inner.length > root.length; inner = dirname(inner)) {
    await sync(dirname(inner));
  }
  try {
    await sync(dirname(root));
  } catch (error) {
    // The folder above may be out of the archiver's reach.
    const { NotCapable, PermissionDenied } = Deno.errors;
    if (!(error instanceof NotCapable || error instanceof PermissionDenied)) throw error;
  }
}

/** Renames a synced file and syncs the folder. */
export async function putInPlace(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  await sync(dirname(to));
}

/** Removes a file if it exists. */
export async function removeFile(path: string): Promise<void> {
  await ifThere(Deno.remove(path));
}

/** Whether the path is a file. */
export async function isFile(path: string): Promise<boolean> {
  return await sizeOf(path) !== null;
}

/** Bytes of a file; null when there is none. */
export async function sizeOf(path: string): Promise<number | null> {
  const found = await ifThere(Deno.stat(path));
  return found?.isFile ? found.size : null;
}

/** Size and SHA-256 (lower-case hex) of a file. @param signal stops the reading. */
export async function digest(
  path: string,
  signal?: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK_BYTES);
  let bytes = 0;
  for (let read = await file.read(chunk); read !== null; read = await file.read(chunk)) {
    signal?.throwIfAborted();
    hash.update(chunk.subarray(0, read));
    bytes += read;
  }
  return { bytes, sha256: hash.digest("hex") };
}
