// One client's session after its log-in: statements, portals and the state of its transaction.

import { type Catalogue, describeMessages, runMessages, type Settings } from "./catalogue.ts";
import { CopyWriter } from "./copy.ts";
import type { PostgresCounters } from "./counters.ts";
import { type BoundQuery, type DataColumn, type DataPool, sqlError } from "./data.ts";
import { literal } from "../store/sql.ts";
import type { GuardedQuery } from "./guard.ts";
import {
  BIND_COMPLETE,
  CLOSE_COMPLETE,
  type Column,
  commandComplete,
  COPY_DONE,
  copyOut,
  EMPTY_QUERY,
  errorResponse,
  formatOf,
  NO_DATA,
  parameterDescription,
  PARSE_COMPLETE,
  PORTAL_SUSPENDED,
  readyForQuery,
  rowDescription,
  SqlError,
  warning,
} from "./replies.ts";
import {
  DataSource,
  PLAN_COLUMNS,
  planSource,
  ReadySource,
  rowTexts,
  ServerError,
  type Source,
} from "./sources.ts";
import { SessionSettings } from "./settings.ts";
import type { Statement } from "./statement.ts";
import { OID } from "./binary.ts";
import { type ClientMessage, type Format, WireFault } from "./wire.ts";

const MAX_STATEMENTS = 1000;
const MAX_PORTALS = 100;
const OUT_OF_MEMORY = "53200";
/** What PostgreSQL does not know, but DuckDB may: functions, types, operators, columns and syntax. */
const DUCKDB_MAY_KNOW = /^(42(883|704|601|P01|703|804|P18|725|P02)|0A000)$/;

/** Where messages go. */
export interface Output {
  /** Queues bytes; waits while the client is slow. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends what is queued. */
  flush(): void;
}

export interface SessionDependencies {
  readonly catalogue: Catalogue;
  readonly pool: DataPool;
  readonly output: Output;
  readonly counters: PostgresCounters;
  /** Of one result; null: any number. */
  readonly maxRows: number | null;
}

/** Statements that give rows, or might. */
type Runnable = Extract<Statement, { kind: "query" | "explain" | "setting" }>;

interface Prepared {
  /** null: an empty text. */
  readonly statement: Statement | null;
  /** As the client gave them. */
  readonly oids: readonly number[];
  /** Present: DuckDB runs it. */
  readonly query: GuardedQuery | null;
  described: Described | null;
}

interface Described {
  readonly oids: readonly number[];
  /** null: it gives no rows. */
  readonly columns: readonly Column[] | null;
}

interface Portal {
  readonly prepared: Prepared;
  readonly formats: readonly Format[];
  readonly values: readonly (Uint8Array | null)[];
  readonly resultFormats: readonly Format[];
  /** Of cursors WITH HOLD: `begun` until the transaction that declared it is committed. */
  hold: "none" | "begun" | "held";
  source: Source | null;
  rows: number;
  isDone: boolean;
}

function makePortal(prepared: Prepared, given: Partial<Portal> = {}): Portal {
  const nothing = { formats: [], values: [], resultFormats: [] };
  return { prepared, ...nothing, hold: "none", ...given, source: null, rows: 0, isDone: false };
}

const isRunnable = (statement: Statement | null): statement is Runnable =>
  ["query", "explain", "setting"].includes(statement?.kind ?? "");

/** Answers a client's messages, one after another. */
export class Session {
  readonly #statements = new Map<string, Prepared>();
  readonly #portals = new Map<string, Portal>();
  readonly #open = new Set<Source>();
  readonly #notices: Uint8Array[] = [];
  readonly #settings = new SessionSettings();
  #status: "I" | "T" | "E" = "I";
  #skipsToSync = false;
  #stop = new AbortController();

  constructor(private readonly dependencies: SessionDependencies) {}

  /** Applies the settings of the log-in, and tells the client which hold. @throws {SqlError} */
  async begin(settings: Settings): Promise<void> {
    const calls = settings.map(([name, value]) =>
      `set_config(${literal(name)}, ${literal(value)}, false)`
    );
    await this.#onCatalogue(runMessages(`SELECT ${calls.join(", ")}`), true);
    this.#settings.loggedIn();
    await this.#sendNotices();
  }

  /** Stops what runs. */
  cancel(why: SqlError = new SqlError("57014", "canceling statement due to user request")): void {
    this.#stop.abort(why);
  }

  /** @returns false when the client leaves. @throws {WireFault} when the message makes no sense here. */
  async take(message: ClientMessage): Promise<boolean> {
    if (message.kind === "terminate") return false;
    if (message.kind === "copy" || this.#skipsToSync && message.kind !== "sync") return true;
    if (this.#stop.signal.aborted) this.#stop = new AbortController();
    try {
      if (message.kind === "query") await this.#simple(message.sql);
      else if (message.kind !== "sync") await this.#extended(message);
    } catch (error) {
      if (error instanceof WireFault) throw error;
      await this.#fail(error);
      this.#skipsToSync = message.kind !== "query";
    }
    if (message.kind === "sync" || message.kind === "query") {
      this.#skipsToSync = false;
      if (this.#status === "I") await this.#closePortals();
      await this.#write(readyForQuery(this.#status));
      this.dependencies.output.flush();
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#closePortals(true);
  }

  #write(bytes: Uint8Array): Promise<void> {
    return this.dependencies.output.write(bytes);
  }

  async #fail(error: unknown): Promise<void> {
    const fault = sqlError(error);
    const { counters } = this.dependencies;
    counters.failed(fault.code);
    if (fault.code === OUT_OF_MEMORY) counters.limited("memory");
    if (this.#status === "T") this.#status = "E";
    await this.#closePortals();
    await this.#write(errorResponse(fault));
    this.dependencies.output.flush();
  }

  async #simple(sql: string): Promise<void> {
    const statements = await this.#parse(sql);
    if (statements.length === 0) await this.#write(EMPTY_QUERY);
    for (const statement of statements) {
      await this.#run(makePortal(await this.#prepare(statement, [])), Infinity, true);
    }
  }

  async #extended(message: ClientMessage): Promise<void> {
    switch (message.kind) {
      case "parse": {
        const statements = await this.#parse(message.sql);
        if (statements.length > 1) {
          throw new SqlError("42601", "cannot insert multiple commands into a prepared statement");
        }
        const isNamed = message.name !== "";
        if (isNamed && this.#statements.size >= MAX_STATEMENTS) {
          throw tooMany("prepared statements", MAX_STATEMENTS);
        }
        if (isNamed && this.#statements.has(message.name)) {
          throw new SqlError("42P05", `prepared statement "${message.name}" already exists`);
        }
        this.#statements.set(
          message.name,
          await this.#prepare(statements[0] ?? null, message.oids),
        );
        return await this.#write(PARSE_COMPLETE);
      }
      case "bind": {
        const prepared = this.#statement(message.statement);
        const { formats, values, resultFormats } = message;
        await this.#closePortal(message.portal);
        if (this.#portals.size >= MAX_PORTALS) throw tooMany("portals", MAX_PORTALS);
        this.#portals.set(message.portal, makePortal(prepared, { formats, values, resultFormats }));
        return await this.#write(BIND_COMPLETE);
      }
      case "describe": {
        if (message.what === "P") return await this.#describePortal(this.#portal(message.name));
        const { oids, columns } = await this.#describe(this.#statement(message.name));
        await this.#write(parameterDescription(oids));
        return await this.#write(columns === null ? NO_DATA : rowDescription(columns, []));
      }
      case "execute":
        return await this.#run(this.#portal(message.portal), message.maxRows || Infinity, false);
      case "close":
        if (message.what === "S") this.#statements.delete(message.name);
        else await this.#closePortal(message.name);
        return await this.#write(CLOSE_COMPLETE);
      case "flush":
        return this.dependencies.output.flush();
      default:
        throw new WireFault(`unexpected message: ${message.kind}`);
    }
  }

  #statement(name: string): Prepared {
    const found = this.#statements.get(name);
    if (found) return found;
    throw new SqlError("26000", `prepared statement "${name}" does not exist`);
  }

  #portal(name: string): Portal {
    const found = this.#portals.get(name);
    if (found) return found;
    throw new SqlError("34000", `portal "${name}" does not exist`);
  }

  /** The statements of a text; one for DuckDB where PostgreSQL cannot read it. */
  async #parse(sql: string): Promise<Statement[]> {
    const parsed = await this.dependencies.catalogue.parse(sql);
    if (Array.isArray(parsed)) return parsed;
    await this.dependencies.pool.guard(sql).catch((error) => {
      throw error instanceof SqlError && error.code === "42601" ? parsed : error;
    });
    return [{ kind: "query", sql, route: "data" }];
  }

  async #prepare(statement: Statement | null, oids: readonly number[]): Promise<Prepared> {
    if (statement?.kind === "refused") throw new SqlError(statement.code, statement.message);
    let query: GuardedQuery | null = null;
    if (statement?.kind === "query" || statement?.kind === "explain") {
      const { route, sql } = statement;
      if (route === "both") {
        const text =
          "a statement cannot read the archive's tables and PostgreSQL's catalogue at once";
        throw new SqlError("0A000", text, { hint: "Read them one after the other." });
      }
      if (route === "data" || route === "either" && !await this.#isCatalogues(sql, oids)) {
        query = await this.dependencies.pool.guard(
          statement.kind === "explain" ? statement.inner : sql,
        );
      }
    }
    return { statement, oids, query, described: null };
  }

  /** Whether PostgreSQL can run a statement that names no table. */
  async #isCatalogues(sql: string, oids: readonly number[]): Promise<boolean> {
    try {
      await this.#onCatalogue(describeMessages(sql, oids));
      return true;
    } catch (error) {
      if (error instanceof ServerError && DUCKDB_MAY_KNOW.test(error.code)) return false;
      throw error;
    }
  }

  async #onCatalogue(messages: Uint8Array, readSettings = false): Promise<ReadySource> {
    const { catalogue } = this.dependencies;
    const { bytes, settings } = await catalogue.run(this.#settings.current, messages, readSettings);
    const source = new ReadySource(bytes);
    this.#notices.push(...source.notices);
    if (settings !== null) this.#notices.push(...this.#settings.take(settings));
    return source;
  }

  /** Has the catalogue take over changed settings, so that the client hears of them. */
  async #tellSettings(isChanged: boolean): Promise<void> {
    if (isChanged) await this.#onCatalogue(runMessages("SELECT 1"), true);
  }

  async #describe(prepared: Prepared): Promise<Described> {
    return prepared.described ??= await this.#describeNow(prepared);
  }

  /** PostgreSQL says what it can of a statement's parameters and columns, DuckDB the rest. */
  async #describeNow({ statement, oids, query }: Prepared): Promise<Described> {
    if (statement?.kind === "fetch" && !statement.isMove) {
      return {
        oids: [],
        columns: (await this.#describe(this.#portal(statement.cursor).prepared)).columns,
      };
    }
    if (!isRunnable(statement)) return { oids: [], columns: null };
    const asked = this.#onCatalogue(describeMessages(statement.sql, oids));
    if (query === null) {
      const source = await asked;
      return { oids: source.parameters, columns: source.description() && source.columns };
    }
    const known = await asked.catch(() => null);
    const types = Array.from(
      { length: query.parameters },
      (_, i) => oids[i] || known?.parameters[i] || OID.text,
    );
    if (statement.kind === "explain") return { oids: types, columns: PLAN_COLUMNS };
    const bound = { query, oids: types, values: null, settings: this.#settings.forData() };
    return {
      oids: types,
      columns: await this.dependencies.pool.describe(bound, known?.columns ?? null),
    };
  }

  async #describePortal(portal: Portal): Promise<void> {
    const { statement, query } = portal.prepared;
    // The catalogue's own description says more than name and type: whence a column comes.
    if (statement?.kind === "query" && query === null) {
      portal.source ??= await this.#source(portal);
      return await this.#write(portal.source.description(portal.resultFormats) ?? NO_DATA);
    }
    const { columns } = await this.#describe(portal.prepared);
    await this.#write(columns === null ? NO_DATA : rowDescription(columns, portal.resultFormats));
  }

  /** Runs a portal, or goes on with it. @param isSimple whether its columns are described, too. */
  async #run(portal: Portal, max: number, isSimple: boolean): Promise<void> {
    const { statement } = portal.prepared;
    if (statement === null) return await this.#write(EMPTY_QUERY);
    const ends = statement.kind === "transaction" && /^(commit|rollback)/.test(statement.action);
    if (this.#status === "E" && !ends) {
      const text =
        "current transaction is aborted, commands ignored until end of transaction block";
      throw new SqlError("25P02", text);
    }
    this.dependencies.counters.statements++;
    if (!isRunnable(statement)) {
      const tag = await this.#runOther(statement, portal, isSimple);
      await this.#sendNotices();
      return await this.#write(commandComplete(tag));
    }
    if (portal.isDone) return await this.#write(commandComplete("SELECT 0"));
    const source = portal.source ??= await this.#source(portal);
    await this.#sendNotices();
    const description = source.description(portal.resultFormats);
    if (isSimple && description) await this.#write(description);
    const rows = await this.#sendRows(portal, max, (piece) => this.#write(piece));
    await this.#write(portal.isDone ? commandComplete(source.tag(rows)) : PORTAL_SUSPENDED);
  }

  /** Sends up to `max` rows of a portal that runs. @returns how many. */
  async #sendRows(
    portal: Portal,
    max: number,
    send: (piece: Uint8Array) => Promise<void>,
  ): Promise<number> {
    const { maxRows, counters } = this.dependencies;
    const source = portal.source!;
    let rows = 0;
    while (rows < max) {
      const next = await source.next(max - rows);
      if (next === null) {
        portal.isDone = true;
        await this.#closeSource(source);
        break;
      }
      for (const piece of next.pieces) await send(piece);
      rows += next.rows;
      portal.rows += next.rows;
      counters.rows += next.rows;
      if (maxRows !== null && portal.rows > maxRows) {
        counters.limited("rows");
        throw new SqlError("54000", `the result has more than ${maxRows} rows (postgres.max_rows)`);
      }
    }
    return rows;
  }

  async #sendNotices(): Promise<void> {
    for (const notice of this.#notices.splice(0)) await this.#write(notice);
  }

  /** Starts a portal. */
  async #source({ prepared, formats, values, resultFormats }: Portal): Promise<Source> {
    const { query, oids } = prepared;
    const statement = prepared.statement as Runnable;
    if (query === null) {
      const messages = runMessages(statement.sql, { oids, formats, values, resultFormats });
      const local = statement.kind === "setting" ? statement.local : null;
      // SET LOCAL lasts as long as the transaction, which may be this statement.
      const isSetting = statement.kind === "setting" && (local === null || this.#status === "T");
      const source = await this.#onCatalogue(messages, isSetting);
      if (local !== null) this.#settings.isLocal(local);
      return source;
    }
    if (values.length !== query.parameters) {
      const text =
        `${values.length} parameters are supplied, but the statement requires ${query.parameters}`;
      throw new SqlError("08P01", text);
    }
    const described = await this.#describe(prepared);
    const texts = await this.#texts(values, described.oids, formats);
    const { pool } = this.dependencies;
    const bound: BoundQuery = {
      query,
      oids: described.oids,
      values: texts,
      settings: this.#settings.forData(),
    };
    if (statement.kind === "explain") {
      return planSource(
        await pool.explain(
          bound,
          /^\s*explain[\s(]+analy[sz]e\b/i.test(statement.sql),
          this.#stop.signal,
        ),
      );
    }
    const columns = described.columns as readonly DataColumn[];
    const { signal } = this.#stop;
    const source = new DataSource(columns, await pool.open(bound, columns, resultFormats, signal));
    this.#open.add(source);
    return source;
  }

  /** Parameters as texts; PostgreSQL itself reads those in binary. */
  async #texts(
    values: readonly (Uint8Array | null)[],
    oids: readonly number[],
    formats: readonly Format[],
  ): Promise<(string | null)[]> {
    if (values.every((_, i) => formatOf(formats, i) === 0)) {
      const decoder = new TextDecoder("utf-8", { fatal: true });
      try {
        return values.map((value) => value && decoder.decode(value));
      } catch {
        throw new SqlError("22021", "invalid byte sequence for encoding UTF8");
      }
    }
    const sql = `SELECT ${values.map((_, i) => `$${i + 1}::text`).join(", ")}`;
    const read = await this.#onCatalogue(runMessages(sql, { oids, formats, values }));
    return rowTexts(read.rows[0]);
  }

  /** @returns the tag. */
  async #runOther(statement: Statement, portal: Portal, isSimple: boolean): Promise<string> {
    switch (statement.kind) {
      case "transaction":
        return await this.#transaction(statement.action, statement.tag);
      case "declare": {
        if (this.#status === "I" && !statement.isHeld) throw onlyInTransaction("DECLARE CURSOR");
        if (this.#portals.has(statement.cursor)) {
          throw new SqlError("42P03", `cursor "${statement.cursor}" already exists`);
        }
        if (this.#portals.size >= MAX_PORTALS) throw tooMany("portals", MAX_PORTALS);
        const prepared = await this.#prepare(statement.query, portal.prepared.oids);
        const { formats, values } = portal;
        const hold = !statement.isHeld ? "none" : this.#status === "I" ? "held" : "begun";
        this.#portals.set(statement.cursor, makePortal(prepared, { formats, values, hold }));
        return "DECLARE CURSOR";
      }
      case "fetch": {
        const { cursor, count, isMove } = statement;
        const own = this.#portal(cursor);
        const { resultFormats } = portal;
        const source = own.source ??= await this.#source({ ...own, resultFormats });
        const description = source.description(resultFormats);
        if (isSimple && !isMove && description) await this.#write(description);
        const send = isMove ? async () => {} : (piece: Uint8Array) => this.#write(piece);
        const rows = own.isDone ? 0 : await this.#sendRows(own, count, send);
        return `${isMove ? "MOVE" : "FETCH"} ${rows}`;
      }
      case "close":
        if (statement.cursor === null) await this.#closePortals(true);
        else if (this.#portal(statement.cursor)) await this.#closePortal(statement.cursor);
        return "CLOSE CURSOR";
      case "deallocate":
        if (statement.statement === null) this.#statements.clear();
        else if (this.#statement(statement.statement)) this.#statements.delete(statement.statement);
        return statement.statement === null ? "DEALLOCATE ALL" : "DEALLOCATE";
      case "copy":
        return await this.#copy(statement, portal);
      case "reset": {
        const { sql, name, tag } = statement;
        // So that a name that is none is an error.
        if (name !== null) await this.#onCatalogue(runMessages(sql));
        if (tag === "DISCARD ALL") {
          this.#statements.clear();
          await this.#closePortals(true);
        }
        await this.#tellSettings(this.#settings.reset(name));
        return tag;
      }
      case "nothing":
        return statement.tag;
      default:
        throw new SqlError("0A000", `${statement.kind} cannot run here`);
    }
  }

  async #transaction(action: string, tag: string): Promise<string> {
    const isIn = this.#status !== "I";
    if (action === "begin") {
      if (isIn) this.#notices.push(warning("25001", "there is already a transaction in progress"));
      else this.#settings.begin();
      this.#status = "T";
    } else if (action === "savepoint" || action === "rollback to") {
      // Nothing is ever changed, so that there is nothing to go back to.
      if (!isIn) throw onlyInTransaction(tag);
      this.#status = "T";
    } else {
      if (!isIn) this.#notices.push(warning("25P01", "there is no transaction in progress"));
      const failed = this.#status === "E";
      this.#status = "I";
      const isUndone = action === "rollback" || failed;
      for (const portal of isUndone ? [] : this.#portals.values()) {
        if (portal.hold === "begun") portal.hold = "held";
      }
      await this.#closePortals();
      if (isIn) await this.#tellSettings(this.#settings.end(isUndone));
      return failed ? "ROLLBACK" : tag;
    }
    return tag;
  }

  async #copy(
    { query, options }: Extract<Statement, { kind: "copy" }>,
    outer: Portal,
  ): Promise<string> {
    const format: Format = options.format === "binary" ? 1 : 0;
    const prepared = await this.#prepare(query, outer.prepared.oids);
    const portal = makePortal(prepared, { resultFormats: [format] });
    const { columns } = portal.source = await this.#source(portal);
    const writer = new CopyWriter(options);
    const send = async (pieces: readonly Uint8Array[]) => {
      for (const piece of pieces) await this.#write(piece);
    };
    await this.#write(copyOut(format, columns.length));
    await send(writer.begin(columns));
    const rows = await this.#sendRows(portal, Infinity, (piece) => send(writer.rows(piece)));
    await send([...writer.end(), COPY_DONE]);
    return `COPY ${rows}`;
  }

  async #closePortals(isAll = false): Promise<void> {
    for (const [name, { hold }] of this.#portals) {
      if (isAll || hold !== "held") this.#portals.delete(name);
    }
    const kept = new Set(Array.from(this.#portals.values(), ({ source }) => source));
    for (const source of this.#open) if (!kept.has(source)) await this.#closeSource(source);
  }

  async #closePortal(name: string): Promise<void> {
    const source = this.#portals.get(name)?.source;
    this.#portals.delete(name);
    if (source) await this.#closeSource(source);
  }

  async #closeSource(source: Source): Promise<void> {
    this.#open.delete(source);
    await source.close();
  }
}

function tooMany(what: string, most: number): SqlError {
  return new SqlError("53400", `a session has at most ${most} ${what}`);
}

function onlyInTransaction(what: string): SqlError {
  return new SqlError("25P01", `${what} can only be used in transaction blocks`);
}
