// The archive file: one DuckDB instance per process, and all its connections.
//
// Two rules keep the file safe. It is opened once per process: DuckDB locks it by a POSIX record lock, which a second
// instance in the same process passes, and which is lost as soon as anything in the process closes the file. And no
// result is streamed: one that is not read to its end keeps the instance open after its close.

import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
} from "@duckdb/node-api";
import { dirname, resolve } from "node:path";
import { type Row, rowsOf } from "../../query_results/archive/database.ts";
import { openRefusal } from "../../query_results/archive/open.ts";
import { migrate, type Migration, MIGRATIONS } from "./migrations.ts";
import { type CopyStatements, copyTo } from "./snapshot.ts";
import { literals } from "./sql.ts";
import type { OnStep } from "./crash_points.ts";

export { type Row, rowsOf };

export interface DatabaseOptions {
  readonly path: string;
  /** The most memory DuckDB takes for its buffers, in bytes. */
  readonly memoryLimitBytes: number;
  readonly threads: number;
  /** The only folders whose files DuckDB reaches, beside those of finished days; all when absent. */
  readonly folders?: readonly string[];
  /** Serves the open archive to others, on a connection of its own; disposed before the archive closes. */
  readonly serve?: (connection: DuckDBConnection) => Promise<AsyncDisposable>;
}

/** Disk DuckDB may use when memory is short; by default up to 90 % of the free space, which commits and days need. */
const MAX_SPILL = "16GiB";
const MAX_WAITING_QUERIES = 32;
const INTERRUPT_EVERY_MS = 50;
const QUERY_TIMEOUT_MS = 30_000;

/** Work on a connection of its own, which ends soon once `signal` aborts. */
export type SideWork<T> = (connection: DuckDBConnection, signal: AbortSignal) => Promise<T>;

/** Side work under way; its connection may not be open yet. */
interface SideEntry {
  connection: DuckDBConnection | null;
  readonly stop: AbortController;
  done: Promise<unknown>;
}

/** The open archive. */
export class Database {
  readonly #writing: DuckDBConnection;
  /** Queries under way, one after another on {@link #reading}. */
  #reads: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  readonly #beside = new Set<SideEntry>();
  #closed = false;

  private constructor(
    private readonly instance: DuckDBInstance,
    writing: DuckDBConnection,
    private readonly reading: DuckDBConnection,
    private readonly service: AsyncDisposable | undefined,
  ) {
    this.#writing = writing;
  }

  /**
   * Opens the archive, or makes it, and brings its schema up to date.
   * @throws {UserError} in one line when another process holds the file, or when it is not an archive, was written by a
   * newer program, or lies in a folder that cannot be used.
   */
  static async open(
    options: DatabaseOptions,
    onStep?: OnStep,
    migrations: readonly Migration[] = MIGRATIONS,
  ): Promise<Database> {
    const { path } = options;
    let instance: DuckDBInstance;
    try {
      await Deno.mkdir(dirname(path), { recursive: true });
      // The cache gives back an instance that is still open: see the second-instance danger above.
      instance = await DuckDBInstance.fromCache(path, {
        memory_limit: `${Math.ceil(options.memoryLimitBytes / 1024)}KiB`,
        threads: String(options.threads),
        max_temp_directory_size: MAX_SPILL,
        // All extensions in use are linked in; nothing is ever downloaded.
        autoinstall_known_extensions: "false",
        autoload_known_extensions: "false",
      });
    } catch (error) {
      throw openRefusal(path, error);
    }
    try {
      const writing = await instance.connect();
      await migrate(writing, path, migrations, onStep);
      const reading = await instance.connect();
      const service = await options.serve?.(await instance.connect());
      // At last: extensions of what serves it are files, too.
      if (options.folders) await confine(writing, options.folders);
      return new Database(instance, writing, reading, service);
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }

  get writing(): DuckDBConnection {
    return this.#writing;
  }

  /**
   * Runs a query on committed data and returns all its rows. Queries run one after another, beside the writing.
   * @throws {Error} DuckDB's own, or when the archive is closed, or when too many queries wait already.
   */
  async read(sql: string, values?: DuckDBValue[], types?: DuckDBType[]): Promise<Row[]> {
    if (this.#waiting >= MAX_WAITING_QUERIES) throw new Error("too many queries wait already");
    this.#waiting++;
    const query = this.#reads.then(() => this.#query(sql, values, types));
    this.#reads = query.catch(() => {});
    try {
      return await query;
    } finally {
      this.#waiting--;
    }
  }

  async #query(sql: string, values?: DuckDBValue[], types?: DuckDBType[]): Promise<Row[]> {
    if (this.#closed) throw new Error("the archive is closed");
    const timer = setTimeout(() => this.reading.interrupt(), QUERY_TIMEOUT_MS);
    try {
      return await rowsOf(this.reading, sql, values, types);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Copies what is committed, or the part that `statements` select, into a new file, beside the writing. Closing the
   * archive or `signal` stops it.
   * @throws {Error} DuckDB's own, or when it was stopped or the archive is closed.
   */
  snapshot(path: string, statements?: CopyStatements, signal?: AbortSignal): Promise<void> {
    return this.beside((connection, closing) => {
      const stop = signal === undefined ? closing : AbortSignal.any([closing, signal]);
      return copyTo(path, connection, stop, statements);
    });
  }

  /**
   * Lets `work` use a connection of its own, beside the writing. Closing the archive aborts its signal and interrupts
   * its queries until it ends; from then on it must not wait for a commit.
   * @throws {Error} what `work` throws, or when the archive is closed.
   */
  async beside<T>(work: SideWork<T>): Promise<T> {
    if (this.#closed) throw new Error("the archive is closed");
    const stop = new AbortController();
    const entry: SideEntry = { connection: null, stop, done: Promise.resolve() };
    const run = async () => {
      const connection = entry.connection = await this.instance.connect();
      try {
        stop.signal.throwIfAborted();
        return await work(connection, stop.signal);
      } finally {
        connection.disconnectSync();
      }
    };
    const done = run();
    entry.done = done;
    this.#beside.add(entry);
    try {
      return await done;
    } finally {
      this.#beside.delete(entry);
    }
  }

  async stopBeside(): Promise<void> {
    const interrupt = () => {
      for (const { connection, stop } of this.#beside) {
        stop.abort(new Error("stopped: the archive closes"));
        connection?.interrupt();
      }
    };
    interrupt();
    // An interrupt between two statements has no effect.
    const timer = setInterval(interrupt, INTERRUPT_EVERY_MS);
    await Promise.allSettled([...this.#beside].map(({ done }) => done));
    clearInterval(timer);
  }

  async checkpoint(): Promise<void> {
    await this.#writing.run("CHECKPOINT");
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.reading.interrupt();
    const served = this.service?.[Symbol.asyncDispose]();
    await Promise.all([this.#reads, this.stopBeside(), served]);
    this.reading.disconnectSync();
    this.#writing.disconnectSync();
    this.instance.closeSync();
  }
}

/** Closes DuckDB's way to other files, the network and other databases, for all connections and for good. */
async function confine(connection: DuckDBConnection, folders: readonly string[]): Promise<void> {
  const files = await rowsOf(connection, "SELECT path FROM day_files WHERE state <> 'dropped'");
  const paths = files.map(({ path }) => String(path));
  await connection.run(
    `SET GLOBAL allowed_directories = ${literals(folders.map((folder) => resolve(folder)))};
    SET GLOBAL allowed_paths = ${literals(paths)};
    SET GLOBAL enable_external_access = false`,
  );
}
