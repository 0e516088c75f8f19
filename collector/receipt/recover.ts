/**
 * What a killed collector's open batch held, into the spool: its next life closes it in its place.
 *
 * @module
 */
import type { Batch } from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { errorText } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { readJournal } from "./journal_reader.ts";
import { readJournalFile } from "../spool/journal_file.ts";
import type { Spool } from "../spool/spool.ts";

const log = logger("collector", "spool");

/**
 * Closes the batch that is in a journal, unless the spool has it; to be called before anything else is appended, and
 * before the journal is opened anew.
 *
 * @returns how many receipts it held.
 * @throws {UserError} when the journal cannot be read from disk.
 */
export function recoverOpenBatch(path: string, spool: Spool): number {
  const bytes = readJournalFile(path);
  if (bytes === null) return 0;
  let batch: Batch | null;
  let encoded: Uint8Array;
  try {
    batch = readJournal(bytes);
    if (batch === null) return 0;
    encoded = encodeBatch(batch);
  } catch (error) {
    log.error("The journal of the last run's open batch is damaged: {reason}", {
      reason: errorText(error),
    });
    return 0;
  }
  const { epoch, number, receipts } = batch;
  const newest = spool.newest;
  // It was killed after the batch was closed and before the journal was cleared.
  if (newest && newest.epoch === epoch && newest.number >= number) return 0;
  spool.adopt(encoded, { epoch, number });
  log.info("Closed the open batch of a run that was cut off: {receipts} receipts", {
    receipts: receipts.flags.length,
  });
  return receipts.flags.length;
}
