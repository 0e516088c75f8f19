// What may reach DuckDB: one query on the archive's own tables, by DuckDB's own parse tree (json_serialize_sql). Files,
// settings, other databases and statements that change something have no way through.

import { REFUSED_FUNCTIONS, TABLE_FUNCTIONS } from "../store/closed_functions.ts";
import { type Nested, OID, parseArray } from "./binary.ts";
import { SqlError } from "./replies.ts";
import { duckdbType, elementOf } from "./types.ts";

type Node = Record<string, unknown>;

/** The archive's schemas: PostgreSQL's `public` is DuckDB's `main`. */
const SCHEMAS: ReadonlySet<string> = new Set(["", "public", "main", "compat"]);
const TABLE_REFERENCES: ReadonlySet<string> = new Set([
  ...["BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EMPTY", "EMPTY_FROM"],
  ...["EXPRESSION_LIST", "PIVOT", "CTE"],
]);
/** DuckDB's names of PostgreSQL's functions. */
const RENAMED: Readonly<Record<string, string>> = {
  ...{ json_agg: "json_group_array", jsonb_agg: "json_group_array", row_to_json: "to_json" },
  ...{ json_build_object: "json_object", jsonb_build_object: "json_object", cardinality: "len" },
  ...{ clock_timestamp: "now", statement_timestamp: "now" },
};
const REFUSED = "42501";
const BARE_NUMERIC =
  /"cast_type":\{"id":"DECIMAL","type_info":\{"type":"DECIMAL_TYPE_INFO","alias":"","extension_info":null,"width":18,"scale":3\}\}/g;

/** A query that may run. */
export class GuardedQuery {
  readonly #tree: Node;
  /** As DuckDB writes it; kept for a query without parameters. */
  text: string | null = null;
  /** How many parameters it has: the highest number. */
  readonly parameters: number;

  /**
   * @param serialized what json_serialize_sql gives for `sql`. @param relations the archive's, in lower case, with those
   * in compat as `compat.NAME`. @throws {SqlError} when it is not such a query.
   */
  constructor(sql: string, serialized: string, relations: ReadonlySet<string>) {
    // A numeric without a precision has 3 digits after the point in DuckDB.
    if (!/\(\s*18\s*,\s*3\s*\)/.test(sql)) {
      serialized = serialized.replace(BARE_NUMERIC, '"cast_type":{"id":"DOUBLE","type_info":null}');
    }
    const tree = JSON.parse(serialized, keepNumber) as Node;
    if (tree.error === true) throw parseError(tree);
    const statements = tree.statements as Node[];
    if (statements.length !== 1) {
      throw new SqlError("42601", "cannot insert multiple commands into a prepared statement");
    }
    // DuckDB reads `~` as a match of the whole text, PostgreSQL as one of any part.
    const matchesParts = !/similar\s+to|regexp_full_match/i.test(sql);
    const check = new Check(relations, matchesParts);
    check.visit(statements);
    this.#tree = tree;
    this.parameters = check.parameters;
  }

  /** DuckDB's tree with the parameters' values in it, for json_deserialize_sql. @param values null: all are null. */
  bound(oids: readonly number[], values: readonly (string | null)[] | null): string {
    const constants = Array.from(
      { length: this.parameters },
      (_, i) => constant(values?.[i] ?? null, oids[i] ?? 0),
    );
    const tree = JSON.stringify(this.#tree, (_, value) => {
      if (value?.class !== "PARAMETER") return value;
      return { ...constants[Number(value.identifier) - 1], alias: value.alias };
    });
    return tree.replace(/"named_param_map":\[[^\]]*\]/g, '"named_param_map":[]');
  }
}

/** Numbers that a double would change stay as they are written. */
function keepNumber(
  this: unknown,
  key: string,
  value: unknown,
  context?: { source: string },
): unknown {
  if (key === "query_location") return 0;
  if (typeof value !== "number" || context === undefined || String(value) === context.source) {
    return value;
  }
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(context.source);
}

function parseError(tree: Node): SqlError {
  const text = String(tree.error_message);
  if (text.startsWith("Only SELECT")) {
    return new SqlError("25006", "the archive is read-only: only queries can run here");
  }
  const position = tree.position === undefined ? null : Number(tree.position) + 1;
  return new SqlError("42601", text, { position });
}

class Check {
  readonly #ctes = new Set<string>();
  parameters = 0;

  constructor(
    private readonly relations: ReadonlySet<string>,
    private readonly matchesParts: boolean,
  ) {}

  visit(root: unknown): void {
    this.#collect(root);
    this.#check(root);
  }

  /** Names that WITH gives. One that could be a file's is no such name. */
  #collect(value: unknown): void {
    if (Array.isArray(value)) return value.forEach((item) => this.#collect(item));
    if (typeof value !== "object" || value === null) return;
    const node = value as Node;
    const map = (node.cte_map as { map?: { key: string }[] } | undefined)?.map ?? [];
    for (const name of [...map.map(({ key }) => key), node.cte_name, node.ctename]) {
      if (typeof name === "string" && /^[\p{L}_][\p{L}\p{N}_$ ]*$/u.test(name)) {
        this.#ctes.add(name.toLowerCase());
      }
    }
    Object.values(node).forEach((item) => this.#collect(item));
  }

  #check(value: unknown): void {
    if (Array.isArray(value)) return value.forEach((item) => this.#check(item));
    if (typeof value !== "object" || value === null) return;
    const node = value as Node;
    if (typeof node.class === "string") this.#expression(node);
    else if (typeof node.type === "string" && "alias" in node && "sample" in node) {
      this.#table(node);
    }
    Object.values(node).forEach((item) => this.#check(item));
  }

  #expression(node: Node): void {
    if (node.class === "PARAMETER") {
      const number = Number(node.identifier);
      if (!Number.isInteger(number) || number < 1 || number > 65_535) {
        throw new SqlError("42P02", "parameters are written $1, $2 and so on");
      }
      this.parameters = Math.max(this.parameters, number);
    }
    if (node.class === "CAST") literalOf(node);
    if (node.function_name === "unnest") anyOf(node.children as Node[]);
    if (node.class === "FUNCTION" || node.class === "WINDOW") {
      const name = String(node.function_name).toLowerCase();
      if (name === "regexp_full_match" && this.matchesParts) node.function_name = "regexp_matches";
      if (name === "~*" || name === "!~*") matchAnyCase(node);
      node.function_name = RENAMED[name] ?? node.function_name;
      if (
        REFUSED_FUNCTIONS.includes(name) || !/^(|main|pg_catalog)$/i.test(String(node.schema ?? ""))
      ) {
        throw new SqlError(REFUSED, `permission denied for function ${name}`);
      }
    }
    if (node.class === "COLUMN_REF") {
      const names = node.column_names as string[];
      if (names.length >= 3 && names[0].toLowerCase() === "public") {
        names[0] = "main";
      }
    }
  }

  #table(node: Node): void {
    const type = String(node.type);
    if (!TABLE_REFERENCES.has(type)) {
      throw new SqlError(REFUSED, `permission denied: ${type.toLowerCase()} is not available here`);
    }
    if (type === "TABLE_FUNCTION") {
      const called = node.function as Node;
      const name = String(called.function_name ?? "").toLowerCase();
      if (called.class !== "FUNCTION" || !TABLE_FUNCTIONS.includes(name)) {
        throw new SqlError(REFUSED, `permission denied for function ${name || type.toLowerCase()}`);
      }
    }
    if (type !== "BASE_TABLE") return;
    const schema = String(node.schema_name).toLowerCase();
    const name = String(node.table_name).toLowerCase();
    if (schema === "public") {
      node.schema_name = "main";
    }
    const known = schema === "compat"
      ? this.relations.has(`compat.${name}`)
      : this.relations.has(name) || schema === "" &&
          (this.#ctes.has(name) || this.relations.has(`compat.${name}`));
    if (SCHEMAS.has(schema) && node.catalog_name === "" && known) return;
    const full = [node.catalog_name, node.schema_name, node.table_name].filter(Boolean).join(".");
    throw new SqlError("42P01", `relation "${full}" does not exist`);
  }
}

const typeNode = (id: string, more: Node | null = null): Node => ({
  id,
  type_info: more && { type: `${id}_TYPE_INFO`, alias: "", extension_info: null, ...more },
});

/** DuckDB's type of a parameter; null for texts, which are literals of any type. */
function typeOf(oid: number, value: string | null): Node | null {
  const element = elementOf(oid);
  if (element !== undefined) {
    return typeNode("LIST", { child_type: typeOf(element, null) ?? typeNode("VARCHAR") });
  }
  if (oid === OID.numeric) {
    // One without a fraction may stand after LIMIT.
    const [, whole, fraction = ""] = value?.match(/^-?(\d+)(?:\.(\d+))?$/) ?? [];
    if (whole === undefined || whole.length + fraction.length > 38) return typeNode("DOUBLE");
    if (fraction === "" && whole.length < 19) return typeNode("BIGINT");
    return typeNode("DECIMAL", { width: whole.length + fraction.length, scale: fraction.length });
  }
  const name = oid === OID.text || oid === OID.json ? undefined : duckdbType(oid);
  return name === undefined ? null : typeNode(name);
}

/** An expression for a parameter's value. @throws {SqlError} when its text is none of its type. */
function constant(value: string | null, oid: number): Node {
  const element = elementOf(oid);
  const type = typeOf(oid, value);
  const child = value !== null && element !== undefined ? list(value, element) : {
    ...{ class: "CONSTANT", type: "VALUE_CONSTANT", alias: "", query_location: 0 },
    value: value === null ? { type: typeNode("NULL"), is_null: true } : {
      type: typeNode("VARCHAR"),
      is_null: false,
      value: oid === OID.bytea ? blobText(value) : value,
    },
  };
  return type === null ? child : cast(child, type);
}

const cast = (child: Node, type: Node): Node => ({
  ...{ class: "CAST", type: "OPERATOR_CAST", alias: "", query_location: 0 },
  ...{ child, cast_type: type, try_cast: false },
});

/** Gives '\\x00ff'::bytea and '{1,2}'::int[] PostgreSQL's meaning. */
function literalOf(node: Node): void {
  const { child, cast_type } = node as { child: Node; cast_type: Node };
  const { value, is_null } = (child.value ?? {}) as { value?: unknown; is_null?: boolean };
  if (child.class !== "CONSTANT" || is_null || typeof value !== "string") return;
  if (cast_type.id === "BLOB" && /^\\x([0-9a-f]{2})*$/i.test(value)) {
    node.child = constant(blobText(value), OID.text);
  }
  if (cast_type.id !== "LIST" || !value.startsWith("{")) return;
  let element = cast_type;
  while (element.id === "LIST") element = (element.type_info as Node).child_type as Node;
  node.child = list(value, element.id === "BLOB" ? OID.bytea : OID.text);
}

/** `x ~* pattern` and `x !~* pattern`. */
function matchAnyCase(node: Node): void {
  const matches: Node = {
    ...{ ...node, function_name: "regexp_matches", is_operator: false, alias: "" },
    children: [...node.children as Node[], constant("i", OID.text)],
  };
  if (node.function_name === "~*") {
    return void Object.assign(node, { ...matches, alias: node.alias });
  }
  const { alias, query_location } = node;
  for (const key of Object.keys(node)) delete node[key];
  const negation = { class: "OPERATOR", type: "OPERATOR_NOT", alias, query_location };
  Object.assign(node, { ...negation, children: [matches] });
}

/** `= ANY ('{1,2}')`, where PostgreSQL gives the literal the type of what it is compared with. */
function anyOf(children: Node[]): void {
  const { value } = (children[0]?.value ?? {}) as { value?: unknown };
  if (typeof value !== "string" || !value.startsWith("{")) return;
  const texts = list(value, OID.text);
  const isWhole = parseArray(value).every((item) =>
    item === null || /^-?\d{1,18}$/.test(`${item}`)
  );
  children[0] = isWhole ? cast(texts, typeNode("LIST", { child_type: typeNode("BIGINT") })) : texts;
}

function list(array: string | Nested, element: number): Node {
  const items = typeof array === "string" ? parseArray(array) : array;
  const children = items.map((item) =>
    Array.isArray(item) ? list(item, element) : constant(item, element)
  );
  return {
    ...{ class: "FUNCTION", type: "FUNCTION", alias: "", query_location: 0 },
    ...{ function_name: "list_value", schema: "", children, filter: null, distinct: false },
    ...{ order_bys: { type: "ORDER_MODIFIER", orders: [] } },
    ...{ is_operator: false, export_state: false, catalog: "" },
  };
}

/** DuckDB's text of bytes, from PostgreSQL's. @throws {SqlError} when it is neither hex nor printable. */
function blobText(text: string): string {
  if (!text.startsWith("\\x")) {
    if (/[\\\x80-\uffff]/.test(text)) {
      throw new SqlError("22P02", "bytea is written \\x and hex digits here");
    }
    return text;
  }
  if (!/^\\x([0-9a-f]{2})*$/i.test(text)) throw new SqlError("22P02", "invalid hexadecimal data");
  return text.slice(2).replace(/../g, "\\x$&");
}
