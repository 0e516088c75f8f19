// What a DuckDB client may ask: queries of the archive's tables, and nothing else. Quack asks this macro before each
// statement and each batch of rows to insert, with their SQL. The macro has DuckDB's own parser judge it: only
// `SELECT` statements can be serialized (so what inserts, defines, copies or sets is refused), and their syntax tree
// names every function and table.

import { REFUSED_FUNCTIONS, TABLE_FUNCTIONS } from "../store/closed_functions.ts";

/** Where the macro is: in memory, beside the archive. */
export const RULES_DATABASE = "gossip_quack_rules";

/** Statements that run at a time; further ones are refused. */
const MAX_STATEMENTS = 4;
const MAX_STATEMENT_CHARACTERS = 100_000;
const READABLE = [
  ...TABLE_FUNCTIONS,
  ...["pragma_table_info", "duckdb_tables", "duckdb_views", "duckdb_columns", "duckdb_schemas"],
  ...["duckdb_databases", "duckdb_types", "duckdb_functions", "duckdb_constraints"],
  ...["duckdb_indexes", "duckdb_keywords"],
];
const SCHEMAS = ["", "main", "compat", "information_schema", "pg_catalog"];
/** A name that is no table is tried as that of a file: `x.csv`, also written as table csv of schema x. */
const FILE_ENDINGS = ["csv", "tsv", "parquet", "json", "jsonl", "ndjson", "gz", "zst"];

/** The macro, and the setting that makes Quack ask it. @param sideEffects what SIDE_EFFECTS gives. */
export function rulesSql(sideEffects: readonly string[]): string {
  const none = (path: string, refused: string) =>
    `len(list_filter(tree->>'$..${path}', lambda x: ${refused})) = 0`;
  return `ATTACH IF NOT EXISTS ':memory:' AS ${RULES_DATABASE};
CREATE OR REPLACE MACRO ${RULES_DATABASE}.main.allowed(session, statement) AS (
  SELECT tree->>'$.error' = 'false'
    AND ${none("function.function_name", `x NOT IN (${list(READABLE)})`)}
    AND ${none("function_name", `x IN (${list([...sideEffects, ...REFUSED_FUNCTIONS])})`)}
    AND ${none("schema_name", `x NOT IN (${list(SCHEMAS)})`)}
    AND ${none("table_name", `regexp_matches(x, '[./:\\\\]') OR x IN (${list(FILE_ENDINGS)})`)}
    AND (SELECT count(*) FROM quack_active_connections() WHERE state = 'active') < ${MAX_STATEMENTS}
  FROM (SELECT lower(json_serialize_sql(statement::VARCHAR)::VARCHAR)::JSON AS tree)
  WHERE length(statement::VARCHAR) <= ${MAX_STATEMENT_CHARACTERS});
SET GLOBAL quack_authorization_function = '${RULES_DATABASE}.main.allowed'`;
}

function list(names: readonly string[]): string {
  return names.map((name) => `'${name.replaceAll("'", "''")}'`).join(", ");
}
