// The archive's tables for PostgreSQL's catalogue: from the portable migrations, and what DuckDB alone has from its schema.

import type { Relation } from "../schema/page.ts";
import { MIGRATIONS, VERSION_TABLE } from "../store/migrations.ts";
import { identifier, literal } from "../store/sql.ts";

/** What clients see as the database's name, whichever they give. */
export const DATABASE = "gossip";

/** Functions that run SQL of their own, last, write, or touch the process that all sessions share. */
const REVOKED = "^(query|cursor|table|schema|database)_to_xml|^(ts_stat|ts_rewrite|pg_sleep|lo_)|" +
  "^pg_(logical_emit_message|cancel_backend|terminate_backend|(try_)?advisory_lock)";

/** DuckDB's types that PostgreSQL names differently. */
const TYPES: Readonly<Record<string, string>> = {
  BLOB: "BYTEA",
  DOUBLE: "DOUBLE PRECISION",
  VARCHAR: "TEXT",
  UTINYINT: "SMALLINT",
  USMALLINT: "INTEGER",
  UINTEGER: "BIGINT",
  UBIGINT: "NUMERIC",
  HUGEINT: "NUMERIC",
};

/** The statements that make the empty tables, views and comments, and the role that may read them. */
export function catalogueSchema(relations: readonly Relation[]): string {
  const portable = MIGRATIONS.map(({ sql }) => sql).join("\n");
  const made = new Set(
    Array.from(portable.matchAll(/^CREATE (?:TABLE|VIEW) (\w+)/gm), ([, name]) => name),
  );
  const others = relations.filter(({ name }) => !made.has(name) && name !== "schema_version");
  return [
    "CREATE ROLE reader LOGIN",
    "GRANT pg_read_all_data TO reader",
    `DO $$ DECLARE f text; BEGIN
      FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE proname ~ '${REVOKED}' LOOP
        EXECUTE 'REVOKE ALL ON FUNCTION ' || f || ' FROM PUBLIC';
      END LOOP; END $$`,
    VERSION_TABLE,
    portable.replace(/;\s*$/, ""),
    "CREATE SCHEMA IF NOT EXISTS compat",
    ...others.flatMap(statementsFor),
  ].join(";\n");
}

function statementsFor({ name, isView, comment, columns }: Relation): string[] {
  const table = name.split(".").map(identifier).join(".");
  const typed = columns.map(({ name, type }) => [identifier(name), TYPES[type] ?? type]);
  const what = isView ? "VIEW" : "TABLE";
  const made = isView
    ? `CREATE VIEW ${table} AS SELECT ${
      typed.map(([column, type]) => `CAST(NULL AS ${type}) AS ${column}`).join(", ")
    }`
    : `CREATE TABLE ${table} (${typed.map((pair) => pair.join(" ")).join(", ")})`;
  return [
    made,
    `COMMENT ON ${what} ${table} IS ${literal(comment)}`,
    ...columns.map((column) =>
      `COMMENT ON COLUMN ${table}.${identifier(column.name)} IS ${literal(column.comment)}`
    ),
  ];
}
