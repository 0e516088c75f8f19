// Files that are there whole or not at all, also after a power cut, and their SHA-256.
import { BIGINT, type DuckDBConnection } from "@duckdb/node-api";
import { createHash } from "node:crypto";
import { dirname } from "node:path";

const CHUNK_BYTES = 1024 * 1024;

/** Writes what the system still holds of a file, or of a folder's names, to disk. */
export async function sync(path: string): Promise<void> {
  using file = await Deno.open(path);
  await file.sync();
}

/**
 * Makes a folder inside `root`, for good: the names of all folders from `root` on are synced, also where they are there,
 * as a crash may have come between that and their making.
 */
export async function makeFolder(root: string, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (let inner = folder; inner.length > root.length; inner = dirname(inner)) {
    await sync(dirname(inner));
  }
  try {
    await sync(dirname(root));
  } catch (error) {
    // What is above may be closed to the archiver.
    const { NotCapable, PermissionDenied } = Deno.errors;
    if (!(error instanceof NotCapable || error instanceof PermissionDenied)) throw error;
  }
}

/** Gives a file that is synced its name, for good. */
export async function putInPlace(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  await sync(dirname(to));
}

/** Removes a file; that there is none is no error. */
export async function removeFile(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Whether there is a file. */
export async function isFile(path: string): Promise<boolean> {
  return await sizeOf(path) !== null;
}

/** The size of a file in bytes; null when there is none. */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    const { isFile, size } = await Deno.stat(path);
    return isFile ? size : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
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

/** An epoch that was cut off, and followed by another, may still have batches in its collector's spool for so long. */
const CUT_OFF_MICROSECONDS = 30 * 86_400_000_000;

/**
 * Forgets what the message numbers of finished epochs mean, where the messages are cold. An epoch is finished when it
 * ended and all that it stamped is here, or when it was cut off long ago. What waits for being told keeps its numbers.
 *
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
    [BigInt(now - CUT_OFF_MICROSECONDS)],
    [BIGINT],
  );
  return Number(reader.getRows()[0][0]);
}
