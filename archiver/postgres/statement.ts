// What a statement is and who can answer it, by PostgreSQL's own parse tree.

/** Who can run a query: DuckDB (`data`), PostgreSQL's catalogue, or neither since it needs both. */
export type Route = "data" | "catalogue" | "either" | "both";

/** What a text of SQL holds, one entry per statement. */
export type Statement =
  | { readonly kind: "query"; readonly sql: string; readonly route: Route }
  | {
    readonly kind: "explain";
    readonly sql: string;
    readonly inner: string;
    readonly route: Route;
  }
  /** May change the session's settings, which `SELECT set_config(…)` does, too. `local`: until the transaction ends. */
  | { readonly kind: "setting"; readonly sql: string; readonly local: string | null }
  /** Gives a setting (null: all) the value it had at the log-in. */
  | {
    readonly kind: "reset";
    readonly sql: string;
    readonly name: string | null;
    readonly tag: string;
  }
  | { readonly kind: "transaction"; readonly action: TransactionAction; readonly tag: string }
  | {
    readonly kind: "declare";
    readonly cursor: string;
    readonly query: Statement;
    /** Whether it outlasts its transaction. */
    readonly isHeld: boolean;
  }
  | {
    readonly kind: "fetch";
    readonly cursor: string;
    /** Infinity for all. */
    readonly count: number;
    readonly isMove: boolean;
  }
  | { readonly kind: "close"; readonly cursor: string | null }
  | { readonly kind: "deallocate"; readonly statement: string | null }
  | { readonly kind: "copy"; readonly query: Statement; readonly options: CopyOptions }
  | { readonly kind: "nothing"; readonly tag: string }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

export type TransactionAction = "begin" | "commit" | "rollback" | "savepoint" | "rollback to";

export interface CopyOptions {
  readonly format: "text" | "csv" | "binary";
  readonly delimiter: string;
  readonly null: string;
  readonly header: boolean;
}

export type Node = Record<string, unknown>;
/** A statement of libpg-query's: where it is in the text, in bytes. */
export interface RawStatement {
  readonly stmt: Node;
  readonly stmt_location?: number;
  readonly stmt_len?: number;
}

const TRANSACTIONS: Readonly<Record<string, [TransactionAction, string]>> = {
  TRANS_STMT_BEGIN: ["begin", "BEGIN"],
  TRANS_STMT_START: ["begin", "START TRANSACTION"],
  TRANS_STMT_COMMIT: ["commit", "COMMIT"],
  TRANS_STMT_ROLLBACK: ["rollback", "ROLLBACK"],
  TRANS_STMT_SAVEPOINT: ["savepoint", "SAVEPOINT"],
  TRANS_STMT_RELEASE: ["savepoint", "RELEASE"],
  TRANS_STMT_ROLLBACK_TO: ["rollback to", "ROLLBACK"],
};
/** Of PostgreSQL's parsenodes.h. */
const CURSOR_OPT_HOLD = 0x20;
const SYSTEM_SCHEMAS = new Set(["pg_catalog", "information_schema", "pg_toast"]);
const READ_ONLY = "25006";
const UNSUPPORTED = "0A000";

/** The statements of a text. @param tree as libpg-query gives it. */
export function statementsOf(sql: string, tree: { stmts?: readonly RawStatement[] }): Statement[] {
  const bytes = new TextEncoder().encode(sql);
  const decoder = new TextDecoder();
  return (tree.stmts ?? []).map(({ stmt, stmt_location: from = 0, stmt_len: length = 0 }) => {
    const own = length === 0 ? bytes.subarray(from) : bytes.subarray(from, from + length);
    return statementOf(decoder.decode(own).trim(), stmt);
  });
}

function statementOf(sql: string, stmt: Node): Statement {
  const [[type, value]] = Object.entries(stmt);
  const node = value as Node;
  switch (type) {
    case "SelectStmt":
      return selectOf(sql, node);
    case "ExplainStmt": {
      const inner = statementOf(innerText(sql), node.query as Node);
      return inner.kind === "query"
        ? { kind: "explain", sql, inner: inner.sql, route: inner.route }
        : inner.kind === "refused"
        ? inner
        : refused(UNSUPPORTED, "EXPLAIN takes a query here");
    }
    case "VariableShowStmt":
      return { kind: "query", sql, route: "catalogue" };
    case "VariableSetStmt":
      return settingOf(sql, node);
    case "TransactionStmt": {
      const found = TRANSACTIONS[String(node.kind)];
      if (found === undefined) return refused(UNSUPPORTED, "two-phase commit is not supported");
      return { kind: "transaction", action: found[0], tag: found[1] };
    }
    case "DeclareCursorStmt": {
      const query = statementOf(cursorText(sql), node.query as Node);
      if (query.kind === "refused") return query;
      const isHeld = (Number(node.options) & CURSOR_OPT_HOLD) !== 0;
      return { kind: "declare", cursor: String(node.portalname), query, isHeld };
    }
    case "FetchStmt":
      return fetchOf(node);
    case "ClosePortalStmt":
      return {
        kind: "close",
        cursor: node.portalname === undefined ? null : String(node.portalname),
      };
    case "DeallocateStmt":
      return { kind: "deallocate", statement: node.name === undefined ? null : String(node.name) };
    case "DiscardStmt":
      return node.target === "DISCARD_ALL"
        ? { kind: "reset", sql, name: null, tag: "DISCARD ALL" }
        : { kind: "nothing", tag: "DISCARD" };
    case "CopyStmt":
      return copyOf(sql, node);
    case "UnlistenStmt":
      return { kind: "nothing", tag: "UNLISTEN" };
    case "PrepareStmt":
    case "ExecuteStmt":
    case "ListenStmt":
    case "NotifyStmt":
      return refused(UNSUPPORTED, `${words(type)} is not supported here`);
    default:
      return refused(READ_ONLY, `cannot execute ${words(type)} in a read-only transaction`);
  }
}

const refused = (code: string, message: string): Statement => ({ kind: "refused", code, message });

/** `CreateTableAsStmt` as `CREATE TABLE AS`. */
function words(type: string): string {
  return type.replace(/Stmt$/, "").replace(/(?<=[a-z])(?=[A-Z])/g, " ").toUpperCase();
}

function selectOf(sql: string, node: Node): Statement {
  const relations = new Map<string, Node>();
  const ctes = new Set<string>();
  const functions = new Set<string>();
  let isChange = false;
  walk(node, (type, found) => {
    if (type === "RangeVar") {
      relations.set(JSON.stringify([found.schemaname, found.relname]), found);
    }
    if (type === "CommonTableExpr") ctes.add(String(found.ctename));
    if (type === "FuncCall") functions.add(nameOf(found.funcname).at(-1)!);
    isChange ||= /^(Insert|Update|Delete|Merge)Stmt$/.test(type) || type === "intoClause";
  });
  if (isChange) return refused(READ_ONLY, "cannot change data in a read-only transaction");
  const kinds = new Set(
    [...relations.values()].filter((relation) =>
      relation.schemaname !== undefined || !ctes.has(String(relation.relname))
    ).map(isSystem),
  );
  if (functions.has("set_config") && !kinds.has(false)) {
    return { kind: "setting", sql, local: null };
  }
  const route = kinds.size === 2
    ? "both"
    : kinds.has(true)
    ? "catalogue"
    : kinds.has(false)
    ? "data"
    : "either";
  return { kind: "query", sql, route };
}

function isSystem({ schemaname, relname }: Node): boolean {
  return schemaname === undefined
    ? String(relname).startsWith("pg_")
    : SYSTEM_SCHEMAS.has(String(schemaname));
}

/** Visits every node, and names the keys that hold one. */
function walk(value: unknown, visit: (type: string, node: Node) => void): void {
  if (Array.isArray(value)) return value.forEach((item) => walk(item, visit));
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (typeof item !== "object" || item === null) continue;
    if (!Array.isArray(item)) visit(key, item as Node);
    walk(item, visit);
  }
}

function nameOf(list: unknown): string[] {
  return (list as { String?: { sval: string } }[] ?? []).map((part) => part.String?.sval ?? "");
}

function settingOf(sql: string, node: Node): Statement {
  const name = String(node.name ?? "").toLowerCase();
  const tag = /^VAR_RESET/.test(String(node.kind)) ? "RESET" : "SET";
  if (tag === "RESET" || node.kind === "VAR_SET_DEFAULT") {
    return { kind: "reset", sql, name: node.name === undefined ? null : name, tag };
  }
  if (name === "role" || name === "session_authorization") {
    if (/\bnone\b/i.test(sql)) return { kind: "nothing", tag };
    return refused("42501", `permission denied to set ${name}`);
  }
  if (/^default_transaction_read_only$|^transaction_read_only$/.test(name)) {
    if (/\b(off|false|no|0)\b/i.test(sql)) return refused(READ_ONLY, "the archive is read-only");
  }
  if (
    name === "transaction" || name === "transaction snapshot" || name === "session characteristics"
  ) {
    if (/\bread\s+write\b/i.test(sql)) return refused(READ_ONLY, "the archive is read-only");
    if (name !== "session characteristics") return { kind: "nothing", tag };
  }
  // A session's transaction is not the catalogue's.
  if (node.is_local !== true) return { kind: "setting", sql, local: null };
  return { kind: "setting", sql: sql.replace(/\blocal\b/i, "SESSION"), local: name };
}

function fetchOf(node: Node): Statement {
  const { direction, howMany = 0, portalname, ismove = false } = node;
  // FETCH ALL is a forward fetch of the largest long.
  const count = Number(howMany);
  if (direction !== "FETCH_FORWARD" && direction !== undefined || count < 0) {
    return refused("55000", "cursor can only scan forward");
  }
  return {
    kind: "fetch",
    cursor: String(portalname),
    count: count >= 2 ** 31 - 1 ? Infinity : count,
    isMove: ismove === true,
  };
}

function copyOf(sql: string, node: Node): Statement {
  if (node.is_from === true) {
    return refused(READ_ONLY, "cannot execute COPY FROM in a read-only transaction");
  }
  if (node.filename !== undefined || node.is_program === true) {
    return refused("42501", "COPY reaches no files and programs; use COPY … TO STDOUT");
  }
  const query = node.query === undefined
    ? tableQuery(node.relation as Node, node.attlist)
    : statementOf(copiedText(sql), node.query as Node);
  if (query.kind === "refused") return query;
  const options = copyOptions(node.options);
  return typeof options === "string"
    ? refused(UNSUPPORTED, options)
    : { kind: "copy", query, options };
}

function tableQuery(relation: Node, columns: unknown): Statement {
  const quote = (name: unknown) => `"${String(name).replaceAll('"', '""')}"`;
  const list = columns === undefined ? "*" : nameOf(columns).map(quote).join(", ");
  const schema = relation.schemaname === undefined ? "" : `${quote(relation.schemaname)}.`;
  return {
    kind: "query",
    sql: `SELECT ${list} FROM ${schema}${quote(relation.relname)}`,
    route: isSystem(relation) ? "catalogue" : "data",
  };
}

/** The options, or why they cannot be had. */
function copyOptions(list: unknown): CopyOptions | string {
  const given = new Map(
    (list as { DefElem: Node }[] ?? []).map(({ DefElem: { defname, arg } }) => {
      // `HEADER` alone has no value.
      const { sval, ival, boolval } = Object.values(
        arg as Node ?? { Boolean: { boolval: true } },
      )[0] as Node;
      return [String(defname), String(sval ?? ival ?? boolval ?? false)];
    }),
  );
  const known = ["format", "delimiter", "null", "header", "encoding"];
  const unknown = [...given.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) return `COPY option "${unknown}" is not supported here`;
  const format = given.get("format") ?? "text";
  if (format !== "text" && format !== "csv" && format !== "binary") {
    return `COPY format "${format}" not recognized`;
  }
  if (!/^utf-?8$/i.test(given.get("encoding") ?? "utf8")) return "COPY is in UTF8 here";
  return {
    format,
    delimiter: given.get("delimiter") ?? (format === "csv" ? "," : "\t"),
    null: given.get("null") ?? (format === "csv" ? "" : "\\N"),
    header: /^(true|on|1)$/.test(given.get("header") ?? ""),
  };
}

/** After EXPLAIN and its options. */
function innerText(sql: string): string {
  return sql.replace(/^\s*explain\s*(\([^)]*\)|((analyze|analyse|verbose)\b\s*)*)/i, "");
}

/** After DECLARE … CURSOR … FOR. */
function cursorText(sql: string): string {
  return sql.replace(/^[\s\S]*?\bcursor\b[\s\S]*?\bfor\b/i, "");
}

/** Between COPY's parentheses. */
function copiedText(sql: string): string {
  return sql.replace(/^\s*copy\s*\(/i, "").replace(
    /\)\s*to\s+stdout\b[^']*(?:'[^']*'[^']*)*$/i,
    "",
  );
}
