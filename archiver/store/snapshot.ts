/**
 * A copy of an open archive in a file of its own, made within one read transaction while commits go on.
 *
 * @module
 */
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/** A copy that takes longer is stopped: as long as it lasts, the write-ahead log is not emptied. */
const MAX_COPY_MILLISECONDS = 3_600_000;

/** One copy under way. */
export class Snapshot {
  readonly #instance: DuckDBInstance;
  #connection: DuckDBConnection | null = null;
  #stopped = false;

  /** Of an open archive, which must stay open until {@link copyTo} is done. */
  constructor(instance: DuckDBInstance) {
    this.#instance = instance;
  }

  /**
   * Copies all that is committed when it begins into a new file, and closes that.
   *
   * @throws {Error} DuckDB's own, or that it was stopped; the file is of no use then.
   */
  async copyTo(path: string): Promise<void> {
    const connection = this.#connection = await this.#instance.connect();
    const timer = setTimeout(() => this.stop(), MAX_COPY_MILLISECONDS);
    try {
      const reader = await connection.runAndReadAll("SELECT current_database()");
      const name = String(reader.getRows()[0][0]);
      const copy = quoted(`${name}_snapshot`, '"');
      await this.#run(connection, `ATTACH ${quoted(path, "'")} AS ${copy}`);
      try {
        await this.#copy(connection, quoted(name, '"'), copy);
      } finally {
        await connection.run(`DETACH ${copy}`);
      }
    } finally {
      clearTimeout(timer);
      connection.disconnectSync();
    }
  }

  /** Stops it as soon as may be; {@link copyTo} tells when it is. */
  stop(): void {
    this.#stopped = true;
    this.#connection?.interrupt();
  }

  async #copy(connection: DuckDBConnection, archive: string, copy: string): Promise<void> {
    await this.#run(connection, "BEGIN");
    try {
      await this.#run(connection, `COPY FROM DATABASE ${archive} TO ${copy}`);
      await this.#run(connection, "COMMIT");
    } catch (error) {
      await connection.run("ROLLBACK").catch(() => {});
      throw error;
    }
    // Without it the newest part would be in a log beside the file.
    await this.#run(connection, `CHECKPOINT ${copy}`);
  }

  async #run(connection: DuckDBConnection, sql: string): Promise<void> {
    // An interrupt between two statements has no effect.
    if (this.#stopped) throw new Error("the snapshot was stopped");
    await connection.run(sql);
  }
}

function quoted(text: string, quote: '"' | "'"): string {
  return quote + text.replaceAll(quote, quote + quote) + quote;
}
