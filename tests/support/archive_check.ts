/**
 * Reading an archive that no process holds any more.
 *
 * @module
 */
import type { DuckDBValue } from "@duckdb/node-api";
import { openArchive } from "../../query_results/archive.ts";

/** Rows of a query on an archive that no process holds. */
export async function archiveRows(
  path: string,
  sql: string,
): Promise<Record<string, DuckDBValue>[]> {
  using archive = await openArchive(path);
  return (await archive.connection.runAndReadAll(sql)).getRowObjects();
}

/** What an archive says of itself. */
export interface ArchiveTotals {
  /** Receipts that the collectors' ended epochs say they stamped; null while one has not ended. */
  readonly stamped: number | null;
  /** Rows of receipts. */
  readonly receipts: number;
  /** Rows of unresolved_receipts. */
  readonly unresolved: number;
  /** Rows of messages. */
  readonly messages: number;
  /** Messages whose recorded digest is another message's too, which never should be. */
  readonly messagesTwice: number;
  /** Rows of gaps. */
  readonly gaps: number;
  /** Rows of dead_letters. */
  readonly deadLetters: number;
}

/** Counts an archive's rows. */
export async function archiveTotals(path: string): Promise<ArchiveTotals> {
  const [row] = await archiveRows(
    path,
    `SELECT
      (SELECT CASE WHEN bool_and(stamped_receipts IS NOT NULL) THEN sum(stamped_receipts) END
        FROM epochs)::DOUBLE AS stamped,
      (SELECT count(*) FROM receipts)::DOUBLE AS receipts,
      (SELECT count(*) FROM unresolved_receipts)::DOUBLE AS unresolved,
      (SELECT count(*) FROM messages)::DOUBLE AS messages,
      (SELECT count(*) - count(DISTINCT sha256) FROM messages)::DOUBLE AS "messagesTwice",
      (SELECT count(*) FROM gaps)::DOUBLE AS gaps,
      (SELECT count(*) FROM dead_letters)::DOUBLE AS "deadLetters"`,
  );
  return row as unknown as ArchiveTotals;
}
