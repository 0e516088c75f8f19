// Copying a window into a file of its own, within bounds.

import { dirname } from "node:path";
import type { Window } from "../../query_results/catalog/parameters.ts";
import type { CopyStatements } from "../store/snapshot.ts";
import type { Row } from "../store/store.ts";
import { freeBytes } from "./disk.ts";
import { BYTES_PER_RECEIPT, countReceipts, TABLE_NAMES, windowStatements } from "./window_copy.ts";

/** Room that a copy leaves for the archive itself. */
const RESERVE_BYTES = 1024 ** 3;
/** How often the copy's size is looked at. */
const WATCH_MILLISECONDS = 200;
const MIB = 1024 ** 2;

/** What is copied from. */
export interface CopySource {
  read(sql: string): Promise<Row[]>;
  /** See `Store.snapshot`. */
  snapshot(path: string, statements: CopyStatements, signal: AbortSignal): Promise<void>;
}

/**
 * Copies what the queries need for a window.
 *
 * @param path the new file, in a folder that is there.
 * @param maxBytes how large it may be.
 * @throws {Error} when it would be larger, or would leave the disk too little room, or when the copy fails.
 * @throws the signal's reason when that aborts.
 */
export async function copyWindow(
  store: CopySource,
  window: Window,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const [{ receipts }] = await store.read(countReceipts(window));
  const expected = Number(receipts) * BYTES_PER_RECEIPT;
  if (expected > maxBytes) throw new Error(tooLarge(expected, maxBytes));
  const free = await freeBytes(dirname(path));
  if (free !== null && free < expected + RESERVE_BYTES) {
    throw new Error(
      `the disk of ${dirname(path)} has ${mebibytes(free)} left, and a copy of the window may ` +
        `take ${mebibytes(expected)}, beside ${mebibytes(RESERVE_BYTES)} for the archive`,
    );
  }
  const tables = (await store.read(TABLE_NAMES)).map((row) => String(row.table_name));
  const stop = new AbortController();
  const checkSize = async () => {
    const size = await Deno.stat(path).then(({ size }) => size, () => 0);
    if (size > maxBytes) stop.abort(new Error(tooLarge(size, maxBytes)));
  };
  const watch = setInterval(checkSize, WATCH_MILLISECONDS);
  const stopped = AbortSignal.any([signal, stop.signal]);
  try {
    await store.snapshot(path, windowStatements(window, tables), stopped);
    await checkSize();
    stopped.throwIfAborted();
  } catch (error) {
    stopped.throwIfAborted();
    throw error;
  } finally {
    clearInterval(watch);
  }
}

function tooLarge(bytes: number, maxBytes: number): string {
  return `a copy of the window takes about ${mebibytes(bytes)}, and analytics.max_copy is ` +
    `${mebibytes(maxBytes)}; raise it, or choose a shorter window`;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}
