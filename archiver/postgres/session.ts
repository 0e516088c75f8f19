// One client's session after its log-in: statements, portals and the state of its transaction.

import { type Catalogue, describeMessages, type Settings } from "./catalogue.ts";
import { fromBinary } from "./binary.ts";
import { CopyWriter } from "./copy.ts";
import type { PostgresCounters } from "./counters.ts";
import { type DataPool, type DataSettings, sqlError } from "./data.ts";
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
  serverMessages,
  SqlError,
  warning,
} from "./replies.ts";
import {
  CatalogueSource,
  DataSource,
  PlanSource,
  readColumns,
  ServerError,
  type Source,
} from "./sources.ts";
import type { Statement } from "./statement.ts";
import { OID } from "./types.ts";
import { type ClientMessage, type Format, WireFault } from "./wire.ts";

const MAX_STATEMENTS = 1000;
const MAX_PORTALS = 100;
/** What PostgreSQL does not know, but DuckDB may: functions, types, operators and syntax. */
const DUCKDB_MAY_KNOW = new Set([
  "42883",
  "42704",
  "42601",
  "42P01",
  "42703",
  "0A000",
  "42804",
  "42P18",
  "42725",
]);

/** Where messages go. */
export interface Output {
  /** Queues bytes; waits while the client is slow. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends what is queued. */
  flush(): void;
}

export interface SessionDependencies {
  readonly id: number;
  readonly catalogue: Catalogue;
  readonly pool: DataPool;
  readonly output: Output;
  readonly counters: PostgresCounters;
  /** Of one result; null: any number. */
  readonly maxRows: number | null;
}

/** A statement that can run: its text, and how DuckDB sees it where DuckDB runs it. */
interface Prepared {
  /** null: an empty text. */
  readonly statement: Statement | null;
  readonly oids: readonly number[];
  readonly query: GuardedQuery | null;
  described:
    | { readonly oids: readonly number[]; readonly columns: readonly Column[] | null }
    | null;
}

interface Portal {
  readonly prepared: Prepared;
  readonly formats: readonly Format[];
  readonly values: readonly (Uint8Array | null)[];
  readonly resultFormats: readonly Format[];
  source: Source | null;
  rows: number;
  isDone: boolean;
}

const EMPTY: Pick<Portal, "formats" | "values" | "resultFormats"> = {
  formats: [],
  values: [],
  resultFormats: [],
};

/** Answers a client's messages, one after another. */
export class Session {
  readonly #dependencies: SessionDependencies;
  readonly #statements = new Map<string, Prepared>();
  readonly #portals = new Map<string, Portal>();
  readonly #open = new Set<DataSource>();
  #settings: Settings = [];
  #status: "I" | "T" | "E" = "I";
  #skipsToSync = false;
  #canceled: SqlError | null = null;
  #notices: Uint8Array[] = [];

  constructor(dependencies: SessionDependencies) {
    this.#dependencies = dependencies;
  }

  /** Runs a statement of the log-in on the catalogue, and gives its rows as texts. @throws {SqlError} */
  async ask(sql: string, readSettings = false): Promise<(string | null)[][]> {
    const source = await this.#runCatalogue(sql, { readSettings });
    this.#notices = [];
    const next = await source.next(Infinity);
    return (next?.pieces ?? []).map((row) => textsOf(row));
  }

  /** Stops what runs. */
  cancel(why: SqlError = new SqlError("57014", "canceling statement due to user request")): void {
    this.#canceled = why;
    for (const source of this.#open) source.stop(why);
  }

  get isInTransaction(): boolean {
    return this.#status !== "I";
  }

  /** @returns false when the client leaves. @throws {WireFault} when the message makes no sense here. */
  async take(message: ClientMessage): Promise<boolean> {
    if (message.kind === "terminate") return false;
    if (message.kind === "sync") {
      this.#skipsToSync = false;
      if (this.#status === "I") await this.#closePortals();
      await this.#ready();
      return true;
    }
    if (message.kind === "query") {
      await this.#simple(message.sql);
      return true;
    }
    if (this.#skipsToSync || message.kind === "copy") return true;
    this.#canceled = null;
    try {
      await this.#extended(message);
    } catch (error) {
      if (error instanceof WireFault) throw error;
      await this.#fail(error);
      this.#skipsToSync = true;
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#closePortals();
    await Promise.all([...this.#open].map((source) => source.close()));
  }

  #write(bytes: Uint8Array): Promise<void> {
    return this.#dependencies.output.write(bytes);
  }

  async #ready(): Promise<void> {
    await this.#write(readyForQuery(this.#status));
    this.#dependencies.output.flush();
  }

  async #fail(error: unknown): Promise<void> {
    const fault = sqlError(error);
    this.#dependencies.counters.failed(fault.code);
    if (this.#status === "T") this.#status = "E";
    await this.#closePortals();
    await this.#write(errorResponse(fault));
    this.#dependencies.output.flush();
  }

  async #simple(sql: string): Promise<void> {
    this.#canceled = null;
    this.#skipsToSync = false;
    try {
      const statements = await this.#parse(sql);
      if (statements.length === 0) await this.#write(EMPTY_QUERY);
      for (const statement of statements) {
        const prepared = await this.#prepare(statement, []);
        const portal: Portal = { prepared, ...EMPTY, source: null, rows: 0, isDone: false };
        await this.#run(portal, Infinity, true);
      }
      if (this.#status === "I") await this.#closePortals();
    } catch (error) {
      await this.#fail(error);
    }
    await this.#ready();
  }

  async #extended(message: ClientMessage): Promise<void> {
    switch (message.kind) {
      case "parse": {
        const statements = await this.#parse(message.sql);
        if (statements.length > 1) {
          throw new SqlError("42601", "cannot insert multiple commands into a prepared statement");
        }
        if (this.#statements.size >= MAX_STATEMENTS && message.name !== "") {
          throw new SqlError(
            "53400",
            `a session has at most ${MAX_STATEMENTS} prepared statements`,
          );
        }
        if (message.name !== "" && this.#statements.has(message.name)) {
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
        if (this.#portals.size >= MAX_PORTALS) {
          throw new SqlError("53400", `a session has at most ${MAX_PORTALS} portals`);
        }
        this.#portals.set(message.portal, {
          ...{ prepared, formats, values, resultFormats, source: null, rows: 0, isDone: false },
        });
        return await this.#write(BIND_COMPLETE);
      }
      case "describe":
        return message.what === "S"
          ? await this.#describeStatement(this.#statement(message.name))
          : await this.#describePortal(this.#portal(message.name));
      case "execute": {
        const portal = this.#portal(message.portal);
        return await this.#run(portal, message.maxRows === 0 ? Infinity : message.maxRows, false);
      }
      case "close":
        if (message.what === "S") this.#statements.delete(message.name);
        else await this.#closePortal(message.name);
        return await this.#write(CLOSE_COMPLETE);
      case "flush":
        return this.#dependencies.output.flush();
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
    const parsed = await this.#dependencies.catalogue.parse(sql);
    if (Array.isArray(parsed)) return parsed;
    if (/^\s*;*\s*$/.test(sql)) return [];
    try {
      await this.#dependencies.pool.guard(sql);
    } catch (error) {
      throw error instanceof SqlError && error.code !== "42601" ? error : parsed;
    }
    return [{ kind: "query", sql, route: "data", tag: "SELECT" }];
  }

  async #prepare(statement: Statement | null, oids: readonly number[]): Promise<Prepared> {
    const prepared = (statement: Statement | null, query: GuardedQuery | null = null) => ({
      ...{ statement, oids, query, described: null },
    });
    if (statement?.kind === "refused") throw new SqlError(statement.code, statement.message);
    if (statement?.kind !== "query" && statement?.kind !== "explain") return prepared(statement);
    if (statement.route === "both") {
      throw new SqlError(
        "0A000",
        "a statement cannot read the archive's tables and PostgreSQL's catalogue at once",
        { hint: "Read one of them first." },
      );
    }
    const isData = statement.route === "data" ||
      statement.route === "either" && !await this.#isCatalogues(statement.sql, oids);
    if (!isData) return prepared({ ...statement, route: "catalogue" });
    const sql = statement.kind === "explain" ? statement.inner : statement.sql;
    return prepared({ ...statement, route: "data" }, await this.#dependencies.pool.guard(sql));
  }

  /** Whether PostgreSQL can run a statement that names no table. */
  async #isCatalogues(sql: string, oids: readonly number[]): Promise<boolean> {
    try {
      await this.#describeByCatalogue(sql, oids);
      return true;
    } catch (error) {
      if (error instanceof ServerError && DUCKDB_MAY_KNOW.has(error.code)) return false;
      throw error;
    }
  }

  async #describeByCatalogue(sql: string, oids: readonly number[]) {
    const { catalogue, id } = this.#dependencies;
    const { bytes } = await catalogue.run(id, this.#settings, describeMessages(sql, oids));
    let parameters: number[] = [], columns: Column[] | null = null;
    for (const { type, bytes: own } of serverMessages(bytes)) {
      if (type === "E") throw new ServerError(own);
      if (type === "T") columns = readColumns(own);
      if (type === "t") {
        const view = new DataView(own.buffer, own.byteOffset);
        parameters = Array.from({ length: view.getInt16(5) }, (_, i) => view.getUint32(7 + 4 * i));
      }
    }
    return { oids: parameters, columns };
  }

  /** Parameters and columns of a statement. */
  async #describe(prepared: Prepared): Promise<NonNullable<Prepared["described"]>> {
    return prepared.described ??= await this.#describeNow(prepared);
  }

  async #describeNow(
    { statement, oids, query }: Prepared,
  ): Promise<NonNullable<Prepared["described"]>> {
    if (query === null) {
      const isRun = statement?.kind === "query" || statement?.kind === "explain" ||
        statement?.kind === "setting";
      if (isRun) return await this.#describeByCatalogue(statement.sql, oids);
      if (statement?.kind === "fetch" && !statement.isMove) {
        const cursor = this.#portal(statement.cursor);
        return { oids: [], columns: (await this.#describe(cursor.prepared)).columns };
      }
      return { oids: [], columns: null };
    }
    const types = await this.#parameterTypes(query, (statement as { sql: string }).sql, oids);
    if (statement?.kind === "explain") return { oids: types, columns: new PlanSource("").columns };
    return {
      oids: types,
      columns: await this.#dependencies.pool.describe(query, types, this.#dataSettings()),
    };
  }

  /** Types of a query's parameters: the client's, else PostgreSQL's, else text. */
  async #parameterTypes(
    query: GuardedQuery,
    sql: string,
    oids: readonly number[],
  ): Promise<number[]> {
    const given = Array.from({ length: query.parameters }, (_, i) => oids[i] ?? 0);
    if (!given.includes(0)) return given;
    const known = await this.#describeByCatalogue(sql, oids).catch(() => null);
    return given.map((oid, i) => oid || known?.oids[i] || OID.text);
  }

  async #describeStatement(prepared: Prepared): Promise<void> {
    const { oids, columns } = await this.#describe(prepared);
    await this.#write(parameterDescription(oids));
    await this.#write(columns === null ? NO_DATA : rowDescription(columns, []));
  }

  async #describePortal(portal: Portal): Promise<void> {
    const { statement } = portal.prepared;
    // The catalogue's own description has more than names and types: whence a column comes.
    if (statement?.kind === "query" && statement.route === "catalogue") {
      portal.source ??= await this.#source(portal);
      return await this.#write(portal.source.description(portal.resultFormats) ?? NO_DATA);
    }
    const { columns } = await this.#describe(portal.prepared);
    await this.#write(columns === null ? NO_DATA : rowDescription(columns, portal.resultFormats));
  }

  /** Runs a portal, or goes on with it. @param isSimple whether its columns are described, too. */
  async #run(portal: Portal, max: number, isSimple: boolean): Promise<void> {
    const { statement } = portal.prepared;
    if (this.#canceled) throw this.#canceled;
    if (statement === null) return await this.#write(EMPTY_QUERY);
    if (
      this.#status === "E" &&
      (statement.kind !== "transaction" || /^(begin|savepoint)$/.test(statement.action))
    ) {
      throw new SqlError(
        "25P02",
        "current transaction is aborted, commands ignored until end of transaction block",
      );
    }
    this.#dependencies.counters.statements++;
    if (
      statement.kind === "query" || statement.kind === "explain" || statement.kind === "setting"
    ) {
      return await this.#runRows(portal, max, isSimple);
    }
    const tag = await this.#runOther(statement, portal, isSimple);
    await this.#sendNotices();
    await this.#write(commandComplete(tag));
  }

  async #runRows(portal: Portal, max: number, isSimple: boolean): Promise<void> {
    if (portal.isDone) return await this.#write(commandComplete("SELECT 0"));
    portal.source ??= await this.#source(portal);
    await this.#sendNotices();
    const description = portal.source.description(portal.resultFormats);
    if (isSimple && description) await this.#write(description);
    const rows = await this.#sendRows(portal, max, (piece) => this.#write(piece));
    if (!portal.isDone) return await this.#write(PORTAL_SUSPENDED);
    await this.#write(commandComplete(portal.source.tag(rows)));
  }

  /** Sends up to `max` rows of a portal. @returns how many. */
  async #sendRows(
    portal: Portal,
    max: number,
    send: (piece: Uint8Array) => Promise<void>,
    formats: readonly Format[] = portal.resultFormats,
  ): Promise<number> {
    const source = portal.source!;
    const { maxRows, counters } = this.#dependencies;
    let rows = 0;
    while (rows < max) {
      const next = await source.next(max - rows, formats);
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

  async #source(portal: Portal): Promise<Source> {
    const { prepared, formats, values, resultFormats } = portal;
    const { statement, query, oids } = prepared;
    if (query === null) {
      const { sql, kind } = statement as { sql: string; kind: string };
      const readSettings = kind === "setting";
      return await this.#runCatalogue(sql, { oids, formats, values, resultFormats, readSettings });
    }
    if (values.length !== query.parameters) {
      throw new SqlError(
        "08P01",
        `bind message supplies ${values.length} parameters, but the statement requires ${query.parameters}`,
      );
    }
    const types = query.parameters === 0 ? [] : (await this.#parameterTypesOf(prepared));
    const texts = values.map((value, i) =>
      value === null ? null : parameterText(value, types[i], formatOf(formats, i))
    );
    const isPlan = statement?.kind === "explain";
    const cursor = await this.#dependencies.pool.open(query, {
      ...{ oids: types, values: texts, settings: this.#dataSettings() },
      prefix: isPlan
        ? /analy[sz]e/i.test((statement as { sql: string }).sql.slice(0, 60))
          ? "EXPLAIN ANALYZE "
          : "EXPLAIN "
        : "",
    }, this.#open.size > 0);
    const source = new DataSource(cursor);
    if (isPlan) {
      try {
        const plan = await source.next(Infinity, []);
        return new PlanSource(plan === null ? "" : textsOf(plan.pieces[0]).at(-1) ?? "");
      } finally {
        await source.close();
      }
    }
    this.#open.add(source);
    if (this.#canceled) source.stop(this.#canceled);
    return source;
  }

  async #parameterTypesOf(prepared: Prepared): Promise<readonly number[]> {
    if (prepared.described) return prepared.described.oids;
    return await this.#parameterTypes(
      prepared.query!,
      (prepared.statement as { sql: string }).sql,
      prepared.oids,
    );
  }

  async #runCatalogue(
    sql: string,
    options: Parameters<typeof CatalogueSource.run>[3],
  ): Promise<CatalogueSource> {
    const session = {
      id: this.#dependencies.id,
      settings: this.#settings,
      onNotice: (notice: Uint8Array) => void this.#notices.push(notice),
    };
    const source = await CatalogueSource.run(this.#dependencies.catalogue, session, sql, options);
    this.#settings = session.settings;
    return source;
  }

  async #sendNotices(): Promise<void> {
    for (const notice of this.#notices.splice(0)) await this.#write(notice);
  }

  /** @returns the tag. */
  async #runOther(statement: Statement, portal: Portal, isSimple: boolean): Promise<string> {
    switch (statement.kind) {
      case "transaction":
        return await this.#transaction(statement.action, statement.tag);
      case "declare": {
        if (this.#status === "I") {
          throw new SqlError("25P01", "DECLARE CURSOR can only be used in transaction blocks");
        }
        const prepared = await this.#prepare(statement.query, portal.prepared.oids);
        const { formats, values } = portal;
        if (this.#portals.has(statement.cursor)) {
          throw new SqlError("42P03", `cursor "${statement.cursor}" already exists`);
        }
        this.#portals.set(statement.cursor, {
          ...{ prepared, formats, values, resultFormats: [], source: null, rows: 0, isDone: false },
        });
        return "DECLARE CURSOR";
      }
      case "fetch":
        return await this.#fetch(statement, portal, isSimple);
      case "close":
        if (statement.cursor === null) await this.#closePortals();
        else {
          this.#portal(statement.cursor);
          await this.#closePortal(statement.cursor);
        }
        return "CLOSE CURSOR";
      case "deallocate":
        if (statement.statement === null) this.#statements.clear();
        else if (!this.#statements.delete(statement.statement)) {
          this.#statement(statement.statement);
        }
        return statement.statement === null ? "DEALLOCATE ALL" : "DEALLOCATE";
      case "copy":
        return await this.#copy(statement, portal);
      case "nothing":
        return statement.tag;
      default:
        throw new SqlError("0A000", `${statement.kind} cannot run here`);
    }
  }

  async #transaction(action: string, tag: string): Promise<string> {
    if (action === "begin") {
      if (this.#status === "T") {
        this.#notices.push(warning("25001", "there is already a transaction in progress"));
      }
      this.#status = "T";
      return tag;
    }
    if (action === "savepoint" || action === "rollback to") {
      if (this.#status === "I") {
        throw new SqlError("25P01", `${tag} can only be used in transaction blocks`);
      }
      // Nothing is ever changed, so that there is nothing to go back to.
      this.#status = "T";
      return tag;
    }
    if (this.#status === "I") {
      this.#notices.push(warning("25P01", "there is no transaction in progress"));
    }
    const failed = this.#status === "E";
    this.#status = "I";
    await this.#closePortals();
    return failed ? "ROLLBACK" : tag;
  }

  async #fetch(
    { cursor, count, isMove }: Extract<Statement, { kind: "fetch" }>,
    portal: Portal,
    isSimple: boolean,
  ): Promise<string> {
    const of = this.#portal(cursor);
    of.source ??= await this.#source({ ...of, resultFormats: portal.resultFormats });
    const description = of.source.description(portal.resultFormats);
    if (isSimple && !isMove && description) await this.#write(description);
    const rows = of.isDone ? 0 : await this.#sendRows(
      of,
      count,
      isMove ? async () => {} : (piece) => this.#write(piece),
      portal.resultFormats,
    );
    return `${isMove ? "MOVE" : "FETCH"} ${rows}`;
  }

  async #copy(
    { query, options }: Extract<Statement, { kind: "copy" }>,
    outer: Portal,
  ): Promise<string> {
    const format: Format = options.format === "binary" ? 1 : 0;
    const prepared = await this.#prepare(query, outer.prepared.oids);
    const portal: Portal = {
      prepared,
      ...EMPTY,
      resultFormats: [format],
      source: null,
      rows: 0,
      isDone: false,
    };
    portal.source = await this.#source(portal);
    const writer = new CopyWriter(options);
    const { columns } = portal.source;
    const send = async (pieces: readonly Uint8Array[]) => {
      for (const piece of pieces) await this.#write(piece);
    };
    await this.#write(copyOut(format, columns.length));
    await send(writer.begin(columns));
    const rows = await this.#sendRows(portal, Infinity, (piece) => send(writer.rows(piece)));
    await send([...writer.end(), COPY_DONE]);
    return `COPY ${rows}`;
  }

  #dataSettings(): DataSettings {
    const setting = (name: string) =>
      this.#settings.find(([own]) => own.toLowerCase() === name)?.[1];
    const first = setting("search_path")?.split(",")[0].replace(/["\s]/g, "");
    return {
      zone: setting("timezone") ?? "UTC",
      searchPath: first === "compat" ? "compat,main" : "main",
    };
  }

  async #closePortals(): Promise<void> {
    for (const name of [...this.#portals.keys()]) await this.#closePortal(name);
    for (const source of [...this.#open]) await this.#closeSource(source);
  }

  async #closePortal(name: string): Promise<void> {
    const source = this.#portals.get(name)?.source;
    this.#portals.delete(name);
    if (source) await this.#closeSource(source);
  }

  async #closeSource(source: Source): Promise<void> {
    this.#open.delete(source as DataSource);
    await source.close();
  }
}

function parameterText(value: Uint8Array, oid: number, format: Format): string {
  if (format === 1) return fromBinary(value, oid);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(value);
  } catch {
    throw new SqlError("22021", "invalid byte sequence for encoding UTF8");
  }
}

/** The values of a DataRow in text. */
function textsOf(row: Uint8Array): (string | null)[] {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  let at = 7;
  return Array.from({ length: view.getInt16(5) }, () => {
    const length = view.getInt32(at);
    at += 4;
    if (length === -1) return null;
    at += length;
    return new TextDecoder().decode(row.subarray(at - length, at));
  });
}
