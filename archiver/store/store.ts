/**
 * The archive as the rest of the archiver sees it: commits, and queries of what is committed. After a commit that
 * failed it closes the file and opens it anew, so that memory never differs from the disk.
 *
 * @module
 */
import type { DuckDBType, DuckDBValue } from "@duckdb/node-api";
import type { Batch, Want } from "../../shared/batch/batch.ts";
import { Database, type DatabaseOptions, type Row } from "./database.ts";
import { type BatchOutcome, type DeadLetter, Writer, type WriterDependencies } from "./writer.ts";

export type { BatchOutcome, DatabaseOptions, DeadLetter, Row, WriterDependencies };

/** An open archive, or one that will be opened again. */
export class Store implements AsyncDisposable {
  /** Where and how. */
  readonly options: DatabaseOptions;
  readonly #dependencies: WriterDependencies;
  #open: { readonly database: Database; readonly writer: Writer } | null = null;
  #closed = false;

  private constructor(options: DatabaseOptions, dependencies: WriterDependencies) {
    this.options = options;
    this.#dependencies = dependencies;
  }

  /**
   * Opens the archive, or makes it.
   *
   * @throws {UserError} as {@link Database.open} does.
   */
  static async open(options: DatabaseOptions, dependencies: WriterDependencies): Promise<Store> {
    const store = new Store(options, dependencies);
    await store.#reopen();
    return store;
  }

  /**
   * Commits batches and dead letters in one transaction. One call at a time.
   *
   * @returns what became of each batch, in their order; when it returns, all is on disk.
   * @throws {Error} when that failed. What was given may be committed or not; giving it again doubles nothing, as far
   * as batches go.
   */
  async commit(
    batches: readonly Batch[],
    deadLetters: readonly DeadLetter[] = [],
  ): Promise<BatchOutcome[]> {
    const { database, writer } = this.#open ?? await this.#reopen();
    try {
      return await writer.commit(batches, deadLetters);
    } catch (error) {
      this.#open = null;
      await database.close();
      // Queries go on, if the file can be opened; if not, the next commit tries again and says why.
      await this.#reopen().catch(() => {});
      throw error;
    }
  }

  /**
   * Runs a query and gives all its rows, of what is committed.
   *
   * @throws {Error} DuckDB's own, or while the archive is not open after a failed commit.
   */
  read(sql: string, values?: DuckDBValue[], types?: DuckDBType[]): Promise<Row[]> {
    if (!this.#open) return Promise.reject(new Error("the archive is not open"));
    return this.#open.database.read(sql, values, types);
  }

  /**
   * Copies all that is committed into a new file, while commits go on; one at a time.
   *
   * @throws {Error} DuckDB's own, or when the archive is closed, or closes meanwhile; the file is of no use then.
   */
  snapshot(path: string): Promise<void> {
    if (!this.#open) return Promise.reject(new Error("the archive is not open"));
    return this.#open.database.snapshot(path);
  }

  /** What to ask each collector to tell again. */
  wants(): { collector: string; want: Want }[] {
    return this.#open?.writer.wants() ?? [];
  }

  /** Bytes of the archive's file and of its write-ahead log. */
  async size(): Promise<{ bytes: number; logBytes: number }> {
    const { path } = this.options;
    const [bytes, logBytes] = await Promise.all([fileSize(path), fileSize(`${path}.wal`)]);
    return { bytes, logBytes };
  }

  /** Checkpoints and closes the file; twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const open = this.#open;
    this.#open = null;
    try {
      await open?.database.stopSnapshot();
      await open?.database.checkpoint();
    } finally {
      await open?.database.close();
    }
  }

  async #reopen(): Promise<{ database: Database; writer: Writer }> {
    if (this.#closed) throw new Error("the archive is closed");
    const database = await Database.open(this.options);
    try {
      this.#open = { database, writer: await Writer.create(database, this.#dependencies) };
    } catch (error) {
      await database.close();
      throw error;
    }
    return this.#open;
  }
}

async function fileSize(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
