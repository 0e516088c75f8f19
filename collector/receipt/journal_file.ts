// The open batch's journal as a file beside the spool's segments, and how the next life closes that batch. See
// `journal.ts` for what is in it.

import type { Batch } from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import type { Spool } from "../spool/spool.ts";
import type { JournalSink, Place } from "./journal.ts";
import { readJournal } from "./journal_reader.ts";

const log = logger("collector", "receipt");

/** The largest batch stays far below it; what would be longer is not written. */
export const MAX_JOURNAL_BYTES: number = 16 * 1024 * 1024;

/**
 * A journal's file. What is written survives SIGKILL, not the loss of power. Disposing closes it, and removes it when
 * it is empty; twice is harmless.
 */
export class JournalFile implements JournalSink, Disposable {
  failures = 0;
  readonly #file: Deno.FsFile;
  #bytes = 0;
  #hasFailed = false;
  #isTroubled = false;
  #closed = false;

  get isFailing(): boolean {
    return this.#isTroubled;
  }

  constructor(private readonly path: string) {
    try {
      this.#file = Deno.openSync(path, { create: true, truncate: true, write: true });
    } catch (error) {
      throw new UserError(`Cannot open journal ${path}: ${errorText(error)}`, { cause: error });
    }
  }

  append(chunk: Uint8Array): void {
    if (this.#closed) return;
    try {
      if (this.#bytes + chunk.length > MAX_JOURNAL_BYTES) throw new Error("it is full");
      for (let at = 0; at < chunk.length;) at += this.#file.writeSync(chunk.subarray(at));
      this.#bytes += chunk.length;
    } catch (error) {
      this.#fail(error);
      this.#cut(this.#bytes);
    }
  }

  clear(): void {
    if (this.#closed || this.#bytes === 0) return;
    this.#bytes = 0;
    if (this.#isTroubled && !this.#hasFailed) {
      this.#isTroubled = false;
      log.info("Writing the journal of the open batch again");
    }
    this.#hasFailed = false;
    this.#cut(0);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
    if (this.#bytes === 0) removeJournal(this.path);
  }

  #cut(length: number): void {
    try {
      this.#file.truncateSync(length);
      this.#file.seekSync(length, Deno.SeekMode.Start);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Logs the first failure; after a whole batch was written, writing works again. */
  #fail(error: unknown): void {
    this.failures++;
    this.#hasFailed = true;
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    log.error("Cannot write the journal of the open batch: {reason}", { reason: errorText(error) });
  }
}

/**
 * The bytes of the journal that an earlier process left, up to {@link MAX_JOURNAL_BYTES}; null when it left none.
 * @throws {UserError} when the file cannot be read.
 */
export function readJournalFile(path: string): Uint8Array | null {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(Math.min(file.statSync().size, MAX_JOURNAL_BYTES));
    let length = 0;
    while (length < bytes.length) {
      const count = file.readSync(bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
    return length === 0 ? null : bytes.subarray(0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new UserError(`Cannot read journal ${path}: ${errorText(error)}`, { cause: error });
  }
}

/**
 * Closes the batch that a killed collector left in its journal, unless the spool has it. Call it before anything else
 * is appended, and before the journal is opened anew.
 * @param places gets where logs were read up to.
 * @returns the number of its receipts.
 * @throws {UserError} when the journal cannot be read from disk.
 */
export function recoverOpenBatch(
  path: string,
  spool: Spool,
  places: Map<number, Place> = new Map(),
): number {
  const bytes = readJournalFile(path);
  if (bytes === null) return 0;
  let batch: Batch | null;
  let encoded: Uint8Array;
  try {
    batch = readJournal(bytes, places);
    if (batch === null) return 0;
    encoded = encodeBatch(batch);
  } catch (error) {
    log.error("Cannot recover the last run's open batch: its journal is damaged: {reason}", {
      reason: errorText(error),
    });
    return 0;
  }
  const { epoch, number, receipts } = batch;
  const newest = spool.newest;
  // It was killed after the batch was closed and before the journal was cleared.
  if (newest && newest.epoch === epoch && newest.number >= number) return 0;
  spool.adopt(encoded, { epoch, number });
  log.info("Recovered the open batch of a killed run: {receipts} receipts", {
    receipts: receipts.flags.length,
  });
  return receipts.flags.length;
}

function removeJournal(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    // The next life finds an old batch in it, which the archive already has.
    log.warning("Cannot remove {path}: {reason}", { path, reason: errorText(error) });
  }
}
