// The archive as the rest of the archiver sees it: commits, and queries of what is committed. After a commit that
// failed it closes the file and opens it anew, so that memory never differs from the disk.

import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import type { Batch, ResendRequest } from "../../shared/batch/batch.ts";
import { Database, type DatabaseOptions, type Row, type SideWork } from "./database.ts";
import type { KeyFilter } from "./key_filter.ts";
import type { CopyStatements } from "./snapshot.ts";
import { type BatchOutcome, type DeadLetter, Writer, type WriterDependencies } from "./writer.ts";

export type { BatchOutcome, DatabaseOptions, DeadLetter, Row, WriterDependencies };

/** What is open. */
interface Open {
  readonly database: Database;
  readonly writer: Writer;
}

/** An open archive, or one that will be opened again. */
export class Store implements AsyncDisposable {
  readonly options: DatabaseOptions;
  readonly #dependencies: WriterDependencies;
  #open: Open | null = null;
  #writes: Promise<unknown> = Promise.resolve();
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
   * Commits batches and dead letters in one transaction, after the commits and changes asked for before.
   *
   * @returns what became of each batch, in their order; when it returns, all is on disk.
   * @throws {Error} when that failed. What was given may be committed or not; giving it again doubles nothing, as far
   * as batches go.
   */
  commit(
    batches: readonly Batch[],
    deadLetters: readonly DeadLetter[] = [],
  ): Promise<BatchOutcome[]> {
    return this.#write(({ writer }) => writer.commit(batches, deadLetters));
  }

  /**
   * Changes tables that the writer of batches keeps nothing of in memory, in one transaction between two commits, which
   * wait for it: it should be short.
   *
   * @throws {Error} when that failed. The change may be committed or not.
   */
  change(work: (connection: DuckDBConnection) => Promise<void>): Promise<void> {
    return this.#write(async ({ database: { writing } }) => {
      await writing.run("BEGIN");
      await work(writing);
      await writing.run("COMMIT");
    });
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
   * Copies all that is committed, or what `statements` say of it, into a new file, while commits go on. `signal` stops it.
   *
   * @throws {Error} DuckDB's own, or when the archive is closed, or closes meanwhile; the file is of no use then.
   */
  snapshot(path: string, statements?: CopyStatements, signal?: AbortSignal): Promise<void> {
    if (!this.#open) return Promise.reject(new Error("the archive is not open"));
    return this.#open.database.snapshot(path, statements, signal);
  }

  /**
   * Lets `work` use a connection of its own while commits go on. When the archive closes, which it also does after a
   * commit that failed, `work` is told so by its signal and interrupted.
   *
   * @throws {Error} what `work` throws, or while the archive is not open.
   */
  beside<T>(work: SideWork<T>): Promise<T> {
    if (!this.#open) return Promise.reject(new Error("the archive is not open"));
    return this.#open.database.beside(work);
  }

  resendRequests(): { collector: string; resend: ResendRequest }[] {
    return this.#open?.writer.resendRequests() ?? [];
  }

  /** Bytes of the archive's file and of its write-ahead log. */
  async size(): Promise<{ bytes: number; logBytes: number }> {
    const { path } = this.options;
    const [bytes, logBytes] = await Promise.all([fileSize(path), fileSize(`${path}.wal`)]);
    return { bytes, logBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writes;
    const open = this.#open;
    this.#open = null;
    try {
      await Promise.all([open?.database.stopCopies(), open?.database.stopBeside()]);
      await open?.database.checkpoint();
    } finally {
      await open?.database.close();
    }
  }

  #write<T>(work: (open: Open) => Promise<T>): Promise<T> {
    const written = this.#writes.then(() => this.#writeNow(work));
    this.#writes = written.catch(() => {});
    return written;
  }

  async #writeNow<T>(work: (open: Open) => Promise<T>): Promise<T> {
    const open = this.#open ?? await this.#reopen();
    try {
      return await work(open);
    } catch (error) {
      this.#open = null;
      await open.database.close();
      // Queries go on, if the file can be opened; if not, the next commit tries again and says why. By then another process
      // may have had the file, so all keys are read then.
      await this.#reopen(open.writer.keys).catch(() => {});
      throw error;
    }
  }

  async #reopen(keys: KeyFilter | null = null): Promise<Open> {
    if (this.#closed) throw new Error("the archive is closed");
    const { onStep, migrations } = this.#dependencies;
    const database = await Database.open(this.options, onStep, migrations);
    try {
      const writer = await Writer.create(database, this.#dependencies, keys);
      this.#open = { database, writer };
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
