// Queries on the archive: connections to its DuckDB, beside the writer's, each statement in a READ ONLY transaction.

import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type DuckDBType,
  VARCHAR,
} from "@duckdb/node-api";
import { interruptAll } from "../../query_results/archive/open.ts";
import { errorText } from "../../shared/errors.ts";
import { systemClock } from "../../shared/clock.ts";
import { unlessAborted } from "../../shared/waiting.ts";
import { encodeRows } from "../export/binary_copy.ts";
import { chunkColumns } from "../export/source.ts";
import type { SideWork } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import { GuardedQuery } from "./guard.ts";
import { type Column, formatOf, serverMessages, SqlError } from "./replies.ts";
import type { Rows } from "./sources.ts";
import { isWire, oidOf, sizeOf, type Wire, wireOf } from "./types.ts";
import type { Format } from "./wire.ts";

/** Functions of PostgreSQL's that DuckDB lacks, and its rules for `/` and the order of nulls. */
const SETUP = `SET integer_division = true;
SET SESSION default_null_order = 'nulls_last_on_asc_first_on_desc';
CREATE TEMP MACRO encode(x) AS system.main.encode(x), (x, form) AS CASE form WHEN 'hex' THEN lower(hex(x))
  WHEN 'base64' THEN to_base64(x) ELSE error('unrecognized encoding: ' || form) END;
CREATE TEMP MACRO decode(x) AS system.main.decode(x), (x, form) AS CASE form WHEN 'hex' THEN from_hex(x)
  WHEN 'base64' THEN from_base64(x) ELSE error('unrecognized encoding: ' || form) END;
CREATE TEMP MACRO date_bin(width, instant, origin) AS time_bucket(width, instant, origin);
CREATE TEMP MACRO to_char(instant, form) AS strftime(instant, replace(replace(replace(replace(replace(replace(
  replace(replace(form, 'YYYY', '%Y'), 'MM', '%m'), 'DD', '%d'), 'HH24', '%H'), 'MI', '%M'), 'SS', '%S'), 'US', '%f'),
  'Mon', '%b'));
CREATE TEMP MACRO btrim(x) AS trim(x), (x, characters) AS trim(x, characters)`;
const MAX_IDLE = 4;
/** A commit takes many turns of this thread, a chunk of rows one long one: while commits are under way, chunks wait. */
const YIELD_MS = 40;

export interface DataLimits {
  readonly maxStatements: number;
  readonly statementMs: number;
  readonly onTimeout: () => void;
  /** When a statement has to wait for others. */
  readonly onWait: () => void;
}

/** What a session's settings mean for its queries. */
export interface DataSettings {
  readonly zone: string;
  readonly searchPath: "main" | "compat,main";
  /** The session's own limit of a statement's time; 0: none. */
  readonly timeoutMs: number;
}

export interface BoundQuery {
  readonly query: GuardedQuery;
  readonly oids: readonly number[];
  /** As text; null: all are null, to describe it. */
  readonly values: readonly (string | null)[] | null;
  readonly settings: DataSettings;
}

export interface DataColumn extends Column {
  readonly type: DuckDBType;
}

interface Lease {
  readonly connection: DuckDBConnection;
  /** Aborts when the archive closes. */
  readonly closing: AbortSignal;
  settings: string;
  release(): void;
}

/** The archive, which is written meanwhile. */
export interface ArchiveStore {
  readonly isWriting: boolean;
  beside<T>(work: SideWork<T>): Promise<T>;
}

/** Connections to the archive, kept for the next statement. */
export class DataPool {
  readonly #idle: Lease[] = [];
  readonly #turns: (() => void)[] = [];
  #running = 0;

  /** @param relations as {@link GuardedQuery} takes them. */
  constructor(
    private readonly store: ArchiveStore,
    private readonly relations: ReadonlySet<string>,
    private readonly limits: DataLimits,
  ) {}

  status(): { running: number; waiting: number } {
    return { running: this.#running, waiting: this.#turns.length };
  }

  /** Checks a query. @throws {SqlError} when it may not run or DuckDB cannot read it. */
  guard(sql: string): Promise<GuardedQuery> {
    return this.#with(async ({ connection }) =>
      new GuardedQuery(
        sql,
        await askText(connection, "json_serialize_sql($1::VARCHAR)", sql),
        this.relations,
      )
    );
  }

  /** The columns of a query. @param known what PostgreSQL says of them: names and types go by that. @throws {SqlError} */
  describe(bound: BoundQuery, known: readonly Column[] | null): Promise<DataColumn[]> {
    return this.#with(async (lease) => {
      const prepared = await lease.connection.prepare(await sqlOf(lease, bound));
      const isKnown = known?.length === prepared.columnCount;
      const columns = Array.from({ length: prepared.columnCount }, (_, i): DataColumn => {
        const type = prepared.columnType(i);
        const oid = isKnown && isWire(type, known[i].oid) ? known[i].oid : oidOf(type);
        const name = isKnown ? known[i].name : prepared.columnName(i);
        return { name, type, oid, size: sizeOf(oid) };
      });
      prepared.destroySync();
      return columns;
    });
  }

  /** DuckDB's plan of a query. @throws {SqlError} */
  async explain(bound: BoundQuery, isRun: boolean, signal: AbortSignal): Promise<string> {
    const wrap = (sql: string) => `EXPLAIN ${isRun ? "ANALYZE " : ""}${sql}`;
    const cursor = await this.#start(bound, wrap, [], signal);
    try {
      return await cursor.plan();
    } finally {
      await cursor.close();
    }
  }

  /** Starts a query. @throws {SqlError} */
  open(
    bound: BoundQuery,
    columns: readonly DataColumn[],
    formats: readonly Format[],
    signal: AbortSignal,
  ): Promise<DataCursor> {
    const wires = columns.map(({ type, oid }, i) =>
      wireOf(`c${i}`, type, oid, formatOf(formats, i))
    );
    const names = columns.map((_, i) => `c${i}`).join(", ");
    const list = wires.map(({ sql }) => sql).join(", ");
    return this.#start(
      bound,
      (sql) => `SELECT ${list} FROM (${sql}) AS q(${names})`,
      wires,
      signal,
    );
  }

  async #start(
    bound: BoundQuery,
    wrap: (sql: string) => string,
    wires: readonly Wire[],
    signal: AbortSignal,
  ): Promise<DataCursor> {
    const lease = await this.#take().catch((error) => {
      throw sqlError(error);
    });
    const { timeoutMs } = bound.settings;
    const statementMs = Math.min(timeoutMs || Infinity, this.limits.statementMs);
    const abandon = () => void cursor.close();
    const cursor: DataCursor = new DataCursor(lease.connection, wires, {
      ...{ signal, store: this.store, turn: (halt) => this.#turn(halt) },
      ...{ statementMs, onTimeout: this.limits.onTimeout },
      release: () => {
        lease.closing.removeEventListener("abort", abandon);
        this.#give(lease);
      },
    });
    lease.closing.addEventListener("abort", abandon);
    try {
      await cursor.start(async () => wrap(await sqlOf(lease, bound)));
      return cursor;
    } catch (error) {
      await cursor.close();
      throw sqlError(error);
    }
  }

  /** Waits until few enough work. @returns what ends the turn. */
  async #turn(signal: AbortSignal): Promise<() => void> {
    const done = () => {
      const next = this.#turns.shift();
      if (next) next();
      else this.#running--;
    };
    if (this.#running < this.limits.maxStatements) {
      this.#running++;
      return done;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turns.push(resolve);
    this.limits.onWait();
    try {
      await unlessAborted(promise, signal);
      return done;
    } catch (error) {
      const at = this.#turns.indexOf(resolve);
      // Whoever had its turn at that moment passes it on.
      if (at >= 0) this.#turns.splice(at, 1);
      else done();
      throw error;
    }
  }

  async #with<T>(work: (lease: Lease) => Promise<T>): Promise<T> {
    const lease = await this.#take().catch((error) => {
      throw sqlError(error);
    });
    try {
      return await work(lease);
    } catch (error) {
      throw sqlError(error);
    } finally {
      this.#give(lease);
    }
  }

  async #take(): Promise<Lease> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    const taken = Promise.withResolvers<Lease>();
    const released = Promise.withResolvers<void>();
    this.store.beside(async (connection, closing) => {
      await connection.run(SETUP);
      const lease = { connection, closing, settings: "", release: released.resolve };
      closing.addEventListener("abort", () => {
        const at = this.#idle.indexOf(lease);
        if (at >= 0) this.#idle.splice(at, 1)[0].release();
      });
      taken.resolve(lease);
      await released.promise;
    }).catch(taken.reject);
    return await taken.promise;
  }

  #give(lease: Lease): void {
    if (lease.closing.aborted || this.#idle.length >= MAX_IDLE) lease.release();
    else this.#idle.push(lease);
  }

  /** Closes the connections that nobody uses. */
  close(): void {
    for (const lease of this.#idle.splice(0)) lease.release();
  }
}

async function askText(connection: DuckDBConnection, call: string, text: string): Promise<string> {
  const reader = await connection.runAndReadAll(`SELECT ${call}`, [text], [VARCHAR]);
  return String(reader.getRows()[0][0]);
}

/** The text of a query for a connection, whose settings become the session's. */
async function sqlOf(lease: Lease, { query, oids, values, settings }: BoundQuery): Promise<string> {
  const { zone, searchPath } = settings;
  const wanted = `SET TimeZone = ${literal(zone)}; SET search_path = '${searchPath}'`;
  if (lease.settings !== wanted) await lease.connection.run(wanted);
  lease.settings = wanted;
  const write = () =>
    askText(lease.connection, "json_deserialize_sql($1::JSON)", query.bound(oids, values));
  return query.parameters > 0 ? await write() : query.text ??= await write();
}

interface CursorOptions {
  /** Stops it; its reason is a {@link SqlError}. */
  readonly signal: AbortSignal;
  readonly store: ArchiveStore;
  readonly statementMs: number;
  readonly onTimeout: () => void;
  /** Waits until it may work, and gives what ends that. */
  readonly turn: (halt: AbortSignal) => Promise<() => void>;
  readonly release: () => void;
}

/** A query under way. Its transaction ends with it. It holds a turn only while DuckDB works for it. */
export class DataCursor {
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #onAbort: () => void;
  #prepared: DuckDBPreparedStatement | null = null;
  #result: DuckDBResult | null = null;
  /** Rows of the last chunk that were not asked for yet. */
  #left: Uint8Array[] = [];
  #busy: Promise<unknown> = Promise.resolve();
  #stopped: SqlError | null = null;
  readonly #halt = new AbortController();
  #interrupts: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  #isDone = false;

  constructor(
    private readonly connection: DuckDBConnection,
    private readonly wires: readonly Wire[],
    private readonly options: CursorOptions,
  ) {
    const { signal, statementMs, onTimeout } = options;
    this.#timer = setTimeout(() => {
      onTimeout();
      this.stop(new SqlError("57014", "canceling statement due to statement timeout"));
    }, statementMs);
    this.#onAbort = () => this.stop(sqlError(signal.reason));
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  start(sql: () => Promise<string>): Promise<void> {
    return this.#do(async () => {
      const text = await sql();
      await this.connection.run("BEGIN TRANSACTION READ ONLY");
      this.#prepared = await this.connection.prepare(text);
      this.#result = await this.#prepared.stream();
    });
  }

  /** The last value of the first row. */
  plan(): Promise<string> {
    return this.#do(async () => String((await this.#result!.getRows())[0].at(-1)));
  }

  /** The next rows, about a chunk; null when there are none. @throws {SqlError} */
  async next(max: number): Promise<Rows | null> {
    if (this.#left.length > 0) return this.#take(max);
    return await this.#do(async () => {
      const chunk = await this.#result!.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) {
        this.#isDone = true;
        return null;
      }
      if (this.options.store.isWriting) await systemClock.sleep(YIELD_MS);
      const columns = chunkColumns(chunk, this.wires.map(({ width }) => width));
      for (const [i, column] of columns.entries()) {
        const { convert } = this.wires[i];
        if (!convert || !("values" in column)) continue;
        columns[i] = { values: column.values.map((value) => value && convert(value)) };
      }
      const pieces = [...encodeRows(columns, chunk.rowCount, true)];
      if (chunk.rowCount <= max) return { pieces, rows: chunk.rowCount };
      this.#left = pieces.flatMap((piece) =>
        Array.from(serverMessages(piece), ({ bytes }) => bytes)
      );
      return this.#take(max);
    });
  }

  #take(max: number): Rows {
    const pieces = this.#left.splice(0, Math.min(max, this.#left.length));
    return { pieces, rows: pieces.length };
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    const done = this.options.turn(this.#halt.signal).then(async (endTurn) => {
      try {
        if (this.#stopped) throw this.#stopped;
        return await work();
      } finally {
        endTurn();
      }
    });
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
    this.#halt.abort(why);
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
    if (!this.#isDone) this.#interrupts = interruptAll(this.connection);
    await this.#busy;
    while (!this.#isDone && this.#result) {
      const rows = await this.#result.fetchChunk().then((chunk) => chunk?.rowCount, () => 0);
      this.#isDone = !rows;
    }
    this.#interrupts?.();
    this.#left = [];
    this.#result = null;
    this.#prepared?.destroySync();
    await this.connection.run("ROLLBACK").catch(() => {});
    this.options.signal.removeEventListener("abort", this.#onAbort);
    this.options.release();
  }
}

/** SQLSTATEs of what DuckDB's errors begin with. */
const CODES: readonly (readonly [RegExp, string])[] = [
  [/^Parser Error/, "42601"],
  [/^Catalog Error: (Table|View|Schema)/, "42P01"],
  [/^Catalog Error: .*Function/, "42883"],
  [/^Binder Error: .*column/i, "42703"],
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
