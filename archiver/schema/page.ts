// The schema as one Markdown page, from the comments in the migrations.

import { openDatabase, rowsOf } from "../../query_results/archive/database.ts";
import { migrate, MIGRATIONS } from "../store/migrations.ts";

/** Comments are empty where no migration has one. */
export interface Relation {
  readonly name: string;
  readonly isView: boolean;
  readonly comment: string;
  readonly columns: readonly { name: string; type: string; comment: string }[];
}

/** All tables, then all views, by name. */
export async function readSchema(): Promise<Relation[]> {
  using database = await openDatabase();
  const { connection } = database;
  await migrate(connection, "the schema");
  const relations = await rowsOf(
    connection,
    `SELECT schema_name, table_name AS name, comment, false AS is_view FROM duckdb_tables()
    UNION ALL
    SELECT schema_name, view_name, comment, true FROM duckdb_views() WHERE NOT internal
    ORDER BY is_view, schema_name DESC, name`,
  );
  const columns = await rowsOf(
    connection,
    `SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns()
    WHERE NOT internal ORDER BY column_index`,
  );
  return relations.map(({ schema_name: schema, name, comment, is_view }) => ({
    name: schema === "main" ? String(name) : `${schema}.${name}`,
    isView: is_view === true,
    comment: String(comment ?? ""),
    columns: columns
      .filter((column) => column.schema_name === schema && column.table_name === name)
      .map(({ column_name, data_type, comment }) => ({
        name: String(column_name),
        type: String(data_type),
        comment: String(comment ?? ""),
      })),
  }));
}

/** The page in Markdown. */
export function schemaPage(relations: readonly Relation[]): string {
  const { version } = MIGRATIONS.at(-1)!;
  const lines = [
    "# The archive's schema",
    "",
    `Version ${version}. Instants are exact to the microsecond. Columns named alike join; small`,
    "integers name things inside one archive only. The views in `compat` and the tables of days exist in DuckDB only; all else is the same",
    "in PostgreSQL.",
  ];
  for (const { name, isView, comment, columns } of relations) {
    lines.push("", `## ${name}${isView ? " (view)" : ""}`, "", comment, "");
    lines.push("| column | type | meaning |", "|---|---|---|");
    for (const column of columns) {
      lines.push(`| ${column.name} | ${column.type} | ${column.comment.replaceAll("|", "\\|")} |`);
    }
  }
  return lines.join("\n") + "\n";
}
