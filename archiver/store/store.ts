// The archive as the rest of the archiver sees it: commits, and queries of what is committed. After a failed commit it
// reopens the file, so that memory never differs from disk.

import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { ifThere } from "../../shared/files.ts";
import type { Batch, ResendRequest } from "../../shared/batch/batch.ts";
import { Database, type DatabaseOptions, type Row, type SideWork } from "./database.ts";
import type { KeyFilter } from "./key_filter.ts";
import type { CopyStatements } from "./snapshot.ts";
import { type BatchOutcome, type DeadLetter, Writer, type WriterDependencies } from "./writer.ts";

export type { BatchOutcome, DatabaseOptions, DeadLetter, Row, WriterDependencies };

interface Open {
  readonly database: Database;
  readonly writer: Writer;
}

/** An open archive, or one that will be opened again. */
export class Store implements AsyncDisposable {
  #open: Open | null = null;
  #writes: Promise<unknown> = Promise.resolve();
  #unwritten = 0;
  #closed = false;

  private constructor(
    readonly options: DatabaseOptions,
    private readonly dependencies: WriterDependencies,
  ) {}

  /** Opens or makes the archive. @throws {UserError} as {@link Database.open} does. */
  static async open(options: DatabaseOptions, dependencies: WriterDependencies): Promise<Store> {
    const store = new Store(options, dependencies);
    await store.#reopen();
    return store;
  }

  /**
   * Commits batches and dead letters in one transaction, after earlier commits and changes.
   * @returns what became of each batch, in their order; when it returns, all is on disk.
   * @throws {Error} when that failed. The batches may be committed or not; committing them again doubles nothing.
   */
  commit(
    batches: readonly Batch[],
    deadLetters: readonly DeadLetter[] = [],
  ): Promise<BatchOutcome[]> {
    return this.#write(({ writer }) => writer.commit(batches, deadLetters));
  }

  /**
   * Changes tables of which the writer keeps nothing in memory, in one transaction between two commits. Keep it short:
   * commits wait for it.
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
   * Runs a query on committed data and returns all its rows.
   * @throws {Error} DuckDB's own, or while the archive is not open after a failed commit.
   */
  read(sql: string, values?: DuckDBValue[], types?: DuckDBType[]): Promise<Row[]> {
    if (!this.#open) return Promise.reject(new Error("the archive is not open"));
    return this.#open.database.read(sql, values, types);
  }

  /**
   * Copies what is committed, or the part that `statements` select, into a new file, while commits continue.
   * @throws {Error} DuckDB's own, or when the archive is closed or closes meanwhile; the file is useless then.
   */
  snapshot(path: string, statements?: CopyStatements, signal?: AbortSignal): Promise<void> {
    if (!this.#open) return Promise.reject(new Error("the archive is not open"));
    return this.#open.database.snapshot(path, statements, signal);
  }

  /**
   * Lets `work` use a connection of its own while commits continue. When the archive closes, also after a failed
   * commit, its signal aborts and its queries are interrupted.
   * @throws {Error} what `work` throws, or while the archive is not open.
   */
  beside<T>(work: SideWork<T>): Promise<T> {
    if (!this.#open) return Promise.reject(new Error("the archive is not open"));
    return this.#open.database.beside(work);
  }

  /** Whether commits or changes are under way or wait. */
  get isWriting(): boolean {
    return this.#unwritten > 0;
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
      await open?.database.stopBeside();
      await open?.database.checkpoint();
    } finally {
      await open?.database.close();
    }
  }

  #write<T>(work: (open: Open) => Promise<T>): Promise<T> {
    this.#unwritten++;
    const written = this.#writes.then(() => this.#writeNow(work));
    this.#writes = written.catch(() => {}).finally(() => this.#unwritten--);
    return written;
  }

  async #writeNow<T>(work: (open: Open) => Promise<T>): Promise<T> {
    const open = this.#open ?? await this.#reopen();
    try {
      return await work(open);
    } catch (error) {
      this.#open = null;
      await open.database.close();
      // If it cannot be reopened, the next commit tries again, and reads all keys: another process may have had the file.
      await this.#reopen(open.writer.keys).catch(() => {});
      throw error;
    }
  }

  async #reopen(keys: KeyFilter | null = null): Promise<Open> {
    if (this.#closed) throw new Error("the archive is closed");
    const { onStep, migrations } = this.dependencies;
    const database = await Database.open(this.options, onStep, migrations);
    try {
      const writer = await Writer.create(database, this.dependencies, keys);
      this.#open = { database, writer };
    } catch (error) {
      await database.close();
      throw error;
    }
    return this.#open;
  }
}

async function fileSize(path: string): Promise<number> {
  return (await ifThere(Deno.stat(path)))?.size ?? 0;
}
