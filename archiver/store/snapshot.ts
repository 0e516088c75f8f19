// A copy of an open archive, or of a part of it, in another file: one read transaction, while commits continue.

import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
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

/** One copy under way. */
export class Snapshot {
  readonly #instance: DuckDBInstance;
  readonly #statements: CopyStatements;
  #connection: DuckDBConnection | null = null;
  #stopped = false;

  /** @param instance must stay open until {@link copyTo} is done. @param statements select what is copied. */
  constructor(instance: DuckDBInstance, statements: CopyStatements = WHOLE) {
    this.#instance = instance;
    this.#statements = statements;
  }

  /**
   * Copies what is committed when it begins into a new file, and closes it.
   *
   * @throws {Error} DuckDB's own, or that it was stopped; the file is useless then.
   */
  async copyTo(path: string): Promise<void> {
    const connection = this.#connection = await this.#instance.connect();
    const timer = setTimeout(() => this.stop(), MAX_COPY_MS);
    try {
      const reader = await connection.runAndReadAll("SELECT current_database()");
      const name = String(reader.getRows()[0][0]);
      const copy = identifier(`${name}_copy_${copies++}`);
      await this.#run(connection, `ATTACH ${literal(path)} AS ${copy}`);
      try {
        await this.#copy(connection, identifier(name), copy);
      } finally {
        await connection.run(`DETACH ${copy}`);
      }
    } finally {
      clearTimeout(timer);
      connection.disconnectSync();
    }
  }

  /** Stops it soon; {@link copyTo} ends when it has stopped. */
  stop(): void {
    this.#stopped = true;
    this.#connection?.interrupt();
  }

  async #copy(connection: DuckDBConnection, archive: string, copy: string): Promise<void> {
    await this.#run(connection, "BEGIN");
    try {
      for (const sql of this.#statements(copy, archive)) await this.#run(connection, sql);
      await this.#run(connection, "COMMIT");
    } catch (error) {
      await connection.run("ROLLBACK").catch(() => {});
      throw error;
    }
    // Without it the newest part would be in a log beside the file.
    await this.#run(connection, `CHECKPOINT ${copy}`);
  }

  async #run(connection: DuckDBConnection, sql: string): Promise<void> {
    // An interrupt between two statements has no effect, nor has one before DuckDB has planned the next.
    const check = () => {
      if (this.#stopped) connection.interrupt();
    };
    if (this.#stopped) throw new Error("the copy was stopped");
    const timer = setInterval(check, INTERRUPT_EVERY_MS);
    try {
      await connection.run(sql);
    } finally {
      clearInterval(timer);
    }
  }
}
