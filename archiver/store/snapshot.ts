// A copy of an open archive, or of a part of it, in another file: one read transaction, while commits continue.

import type { DuckDBConnection } from "@duckdb/node-api";
import { identifier, literal } from "./sql.ts";

/** Longer copies are stopped: while one lasts, the write-ahead log is not emptied. */
const MAX_COPY_MS = 3_600_000;
const INTERRUPT_EVERY_MS = 50;

/**
 * The statements that fill a copy: `copy` is the new database's name and `archive` the archive's, both quoted. Names
 * without either mean the archive's.
 */
export type CopyStatements = (copy: string, archive: string) => readonly string[];

const WHOLE: CopyStatements = (copy, archive) => [`COPY FROM DATABASE ${archive} TO ${copy}`];

/** Copies begun, so that each has its own name. */
let copies = 0;

/**
 * Copies what is committed when it begins into a new file, and closes it.
 * @param connection of its own, to the archive.
 * @throws {Error} DuckDB's own, or the signal's reason; the file is useless then.
 */
export async function copyTo(
  path: string,
  connection: DuckDBConnection,
  stop: AbortSignal,
  statements: CopyStatements = WHOLE,
): Promise<void> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(MAX_COPY_MS)]);
  const run = async (sql: string) => {
    signal.throwIfAborted();
    // An interrupt between two statements has no effect, nor has one before DuckDB has planned the next.
    const timer = setInterval(() => signal.aborted && connection.interrupt(), INTERRUPT_EVERY_MS);
    try {
      await connection.run(sql);
    } finally {
      clearInterval(timer);
    }
  };
  const reader = await connection.runAndReadAll("SELECT current_database()");
  const name = String(reader.getRows()[0][0]);
  const copy = identifier(`${name}_copy_${copies++}`);
  await run(`ATTACH ${literal(path)} AS ${copy}`);
  try {
    await run("BEGIN");
    try {
      for (const sql of statements(copy, identifier(name))) await run(sql);
      await run("COMMIT");
    } catch (error) {
      await connection.run("ROLLBACK").catch(() => {});
      throw error;
    }
    // Without it the newest part would be in a log beside the file.
    await run(`CHECKPOINT ${copy}`);
  } finally {
    await connection.run(`DETACH ${copy}`);
  }
}
