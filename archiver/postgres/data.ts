// Queries on the archive: connections to its DuckDB, beside the writer's, each statement in a READ ONLY transaction.

import type {
  DuckDBConnection,
  DuckDBDataChunk,
  DuckDBPreparedStatement,
  DuckDBResult,
  DuckDBType,
} from "@duckdb/node-api";
import { VARCHAR } from "@duckdb/node-api";
import { interruptAll } from "../../query_results/archive/open.ts";
import { errorText } from "../../shared/errors.ts";
import type { SideWork } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import { GuardedQuery } from "./guard.ts";
import { type Column, formatOf, SqlError } from "./replies.ts";
import { encodeChunk, type OutColumn } from "./rows.ts";
import { oidOf, sizeOf, type TextContext, zoneOffsets } from "./types.ts";
import type { Format } from "./wire.ts";

/** Functions of PostgreSQL's that DuckDB lacks, and its rules for `/` and the order of nulls. */
const SETUP = `SET integer_division = true;
SET SESSION default_null_order = 'nulls_last_on_asc_first_on_desc';
CREATE TEMP MACRO encode(x) AS system.main.encode(x), (x, form) AS CASE form WHEN 'hex' THEN lower(hex(x))
  WHEN 'base64' THEN to_base64(x) ELSE error('unrecognized encoding: ' || form) END;
CREATE TEMP MACRO decode(x) AS system.main.decode(x), (x, form) AS CASE form WHEN 'hex' THEN from_hex(x)
  WHEN 'base64' THEN from_base64(x) ELSE error('unrecognized encoding: ' || form) END;
CREATE TEMP MACRO date_bin(width, instant, origin) AS time_bucket(width, instant, origin);
CREATE TEMP MACRO to_char(instant, form) AS strftime(instant, replace(replace(replace(replace(replace(replace(replace(replace(
  form, 'YYYY', '%Y'), 'MM', '%m'), 'DD', '%d'), 'HH24', '%H'), 'MI', '%M'), 'SS', '%S'), 'US', '%f'), 'Mon', '%b'));
CREATE TEMP MACRO btrim(x) AS trim(x), (x, characters) AS trim(x, characters)`;

export interface DataLimits {
  readonly maxStatements: number;
  readonly statementMs: number;
  readonly onTimeout: () => void;
}

/** What a session's settings mean for its queries. */
export interface DataSettings {
  readonly zone: string;
  readonly searchPath: "main" | "compat,main";
}

interface Lease {
  readonly connection: DuckDBConnection;
  /** Aborts when the archive closes. */
  readonly closing: AbortSignal;
  settings: string;
  release(): void;
}

/** Connections to the archive, kept for the next statement. */
export class DataPool {
  readonly #store: { beside<T>(work: SideWork<T>): Promise<T> };
  readonly #relations: ReadonlySet<string>;
  readonly #limits: DataLimits;
  readonly #idle: Lease[] = [];
  readonly #turns: (() => void)[] = [];
  #running = 0;

  constructor(
    store: { beside<T>(work: SideWork<T>): Promise<T> },
    relations: ReadonlySet<string>,
    limits: DataLimits,
  ) {
    this.#store = store;
    this.#relations = relations;
    this.#limits = limits;
  }

  /** Statements under way, and those that wait for their turn. */
  status(): { running: number; waiting: number } {
    return { running: this.#running, waiting: this.#turns.length };
  }

  /** Checks a query. @throws {SqlError} when it may not run or DuckDB cannot read it. */
  async guard(sql: string): Promise<GuardedQuery> {
    return await this.#with(async ({ connection }) => {
      const reader = await connection.runAndReadAll(
        "SELECT json_serialize_sql($1::VARCHAR)",
        [sql],
        [VARCHAR],
      );
      return new GuardedQuery(sql, String(reader.getRows()[0][0]), this.#relations);
    });
  }

  /** The columns of a query's result. @param oids of its parameters. */
  async describe(
    query: GuardedQuery,
    oids: readonly number[],
    settings: DataSettings,
  ): Promise<DataColumn[]> {
    return await this.#with(async (lease) => {
      await use(lease, settings);
      const sql = await boundSql(lease.connection, query, oids, null);
      const prepared = await lease.connection.prepare(sql);
      try {
        return columnsOf(prepared);
      } finally {
        prepared.destroySync();
      }
    });
  }

  /**
   * Starts a query. @param signal stops it. @param isUrgent whether it need not wait for others: its session already has
   * one under way, which it may wait for.
   */
  async open(
    query: GuardedQuery,
    { oids, values, settings, prefix = "" }: {
      readonly oids: readonly number[];
      readonly values: readonly (string | null)[];
      readonly settings: DataSettings;
      readonly prefix?: string;
    },
    isUrgent = false,
  ): Promise<DataCursor> {
    await this.#turn(isUrgent);
    let lease: Lease;
    try {
      lease = await this.#take();
    } catch (error) {
      this.#next();
      throw sqlError(error);
    }
    try {
      const cursor = new DataCursor(
        lease.connection,
        settings,
        this.#limits,
        async () => {
          await this.#give(lease);
          this.#next();
        },
      );
      lease.closing.addEventListener("abort", () => void cursor.close(), { once: true });
      try {
        await use(lease, settings);
        await cursor.start(prefix + await boundSql(lease.connection, query, oids, values));
        return cursor;
      } catch (error) {
        await cursor.close();
        throw error;
      }
    } catch (error) {
      throw sqlError(error);
    }
  }

  async #turn(isUrgent: boolean): Promise<void> {
    if (isUrgent || this.#running < this.#limits.maxStatements) return void this.#running++;
    await new Promise<void>((resolve) => this.#turns.push(resolve));
  }

  /** Passes the turn on. */
  #next(): void {
    const turn = this.#turns.shift();
    if (turn) turn();
    else this.#running--;
  }

  async #with<T>(work: (lease: Lease) => Promise<T>): Promise<T> {
    const lease = await this.#take();
    try {
      return await work(lease);
    } catch (error) {
      throw sqlError(error);
    } finally {
      await this.#give(lease);
    }
  }

  async #take(): Promise<Lease> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    const taken = Promise.withResolvers<Lease>();
    const released = Promise.withResolvers<void>();
    this.#store.beside(async (connection, closing) => {
      await connection.run(SETUP);
      const lease = { connection, closing, settings: "", release: released.resolve };
      closing.addEventListener("abort", () => {
        if (!this.#idle.includes(lease)) return;
        this.#idle.splice(this.#idle.indexOf(lease), 1);
        released.resolve();
      });
      taken.resolve(lease);
      await released.promise;
    }).catch(taken.reject);
    return await taken.promise;
  }

  async #give(lease: Lease): Promise<void> {
    if (lease.closing.aborted || this.#idle.length >= this.#limits.maxStatements) lease.release();
    else this.#idle.push(lease);
    await Promise.resolve();
  }

  /** Closes the connections that nobody uses. */
  close(): void {
    for (const lease of this.#idle.splice(0)) lease.release();
  }
}

export interface DataColumn extends Column, OutColumn {}

function columnsOf(prepared: DuckDBPreparedStatement): DataColumn[] {
  return Array.from({ length: prepared.columnCount }, (_, i) => {
    const type: DuckDBType = prepared.columnType(i);
    const oid = oidOf(type);
    return { name: prepared.columnName(i), type, oid, size: sizeOf(oid) };
  });
}

async function use(lease: Lease, { zone, searchPath }: DataSettings): Promise<void> {
  const settings = `SET TimeZone = ${literal(zone)}; SET search_path = '${searchPath}'`;
  if (lease.settings === settings) return;
  await lease.connection.run(settings);
  lease.settings = settings;
}

async function boundSql(
  connection: DuckDBConnection,
  query: GuardedQuery,
  oids: readonly number[],
  values: readonly (string | null)[] | null,
): Promise<string> {
  const bound = query.bound(oids, values);
  if ("sql" in bound) return bound.sql;
  const reader = await connection.runAndReadAll("SELECT json_deserialize_sql($1::JSON)", [
    bound.tree,
  ], [VARCHAR]);
  return String(reader.getRows()[0][0]);
}

/** A query under way. Its transaction ends with it. */
export class DataCursor {
  readonly #connection: DuckDBConnection;
  readonly #context: TextContext;
  readonly #release: () => Promise<void>;
  readonly #timer: ReturnType<typeof setTimeout>;
  #prepared: DuckDBPreparedStatement | null = null;
  #result: DuckDBResult | null = null;
  #chunk: DuckDBDataChunk | null = null;
  #at = 0;
  #busy: Promise<unknown> = Promise.resolve();
  #stopped: SqlError | null = null;
  #stopInterrupts: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  columns: readonly DataColumn[] = [];
  isDone = false;

  constructor(
    connection: DuckDBConnection,
    { zone }: DataSettings,
    { statementMs, onTimeout }: DataLimits,
    release: () => Promise<void>,
  ) {
    this.#connection = connection;
    this.#context = { offsetAt: zoneOffsets(zone) };
    this.#release = release;
    const late = new SqlError("57014", "canceling statement due to statement timeout");
    this.#timer = setTimeout(() => {
      onTimeout();
      this.stop(late);
    }, statementMs);
  }

  start(sql: string): Promise<void> {
    return this.#do(async () => {
      await this.#connection.run("BEGIN TRANSACTION READ ONLY");
      this.#prepared = await this.#connection.prepare(sql);
      this.columns = columnsOf(this.#prepared);
      this.#result = await this.#prepared.stream();
    });
  }

  /** The next rows as DataRow messages, at most `max`, about a chunk; null when there are none. @throws {SqlError} */
  next(
    max: number,
    formats: readonly Format[],
  ): Promise<{ pieces: Uint8Array[]; rows: number } | null> {
    return this.#do(async () => {
      if (this.#chunk === null) {
        this.#chunk = await this.#result!.fetchChunk();
        this.#at = 0;
        if (this.#chunk === null || this.#chunk.rowCount === 0) {
          this.isDone = true;
          return null;
        }
      }
      const chunk = this.#chunk;
      const from = this.#at, to = Math.min(chunk.rowCount, from + max);
      const all = this.columns.map((_, i) => formatOf(formats, i));
      const pieces = encodeChunk(chunk, this.columns, all, this.#context, from, to);
      this.#at = to;
      if (to === chunk.rowCount) this.#chunk = null;
      return { pieces, rows: to - from };
    });
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    if (this.#stopped) throw this.#stopped;
    const done = work();
    this.#busy = done.catch(() => {});
    try {
      return await done;
    } catch (error) {
      throw this.#stopped ?? sqlError(error);
    }
  }

  /** Stops what runs, which then throws `why`. */
  stop(why: SqlError): void {
    if (this.#closing) return;
    this.#stopped ??= why;
    this.#stopInterrupts ??= interruptAll(this.#connection);
    // Nobody may be waiting for it: a portal that is suspended.
    void this.close();
  }

  /** Ends it, and gives its connection back. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    // A result that is not read to its end would keep the connection, and so the archive, open.
    if (!this.isDone) this.#stopInterrupts ??= interruptAll(this.#connection);
    this.isDone = true;
    await this.#busy;
    while (
      this.#result && await this.#result.fetchChunk().then((chunk) => chunk?.rowCount, () => 0)
    );
    this.#stopInterrupts?.();
    this.#chunk = this.#result = null;
    this.#prepared?.destroySync();
    await this.#connection.run("ROLLBACK").catch(() => {});
    await this.#release();
  }
}

/** SQLSTATEs of what DuckDB's errors begin with. */
const CODES: readonly (readonly [RegExp, string])[] = [
  [/^Parser Error/, "42601"],
  [/^Catalog Error: (Table|View|Schema)/, "42P01"],
  [/^Catalog Error: .*Function/, "42883"],
  [/^Catalog Error: Type/, "42704"],
  [/^Binder Error: .*(column|Column)/, "42703"],
  [/^Binder Error: .*function/, "42883"],
  [/^Binder Error/, "42601"],
  [/^(Conversion|Invalid Input) Error/, "22P02"],
  [/^Out of Range Error/, "22003"],
  [/^INTERRUPT Error/, "57014"],
  [/^Out of Memory Error/, "53200"],
  [/^(Permission|TransactionContext) Error/, "42501"],
  [/^Not implemented Error/, "0A000"],
];

/** Anything thrown as an error for the client. */
export function sqlError(error: unknown): SqlError {
  if (error instanceof SqlError) return error;
  const text = errorText(error).split("\n")[0];
  const code = CODES.find(([pattern]) => pattern.test(text))?.[1] ?? "XX000";
  return new SqlError(code, code === "57014" ? "canceling statement" : text, { cause: error });
}
