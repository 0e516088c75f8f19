import type { DuckDBConnection } from "@duckdb/node-api";
import type { Cell, ColumnKind, Table } from "../format/table.ts";
import { literal } from "./sql.ts";

const SQL_TYPES: Readonly<Record<ColumnKind, string>> = {
  integer: "BIGINT",
  number: "DOUBLE",
  text: "VARCHAR",
  boolean: "BOOLEAN",
  instant: "TIMESTAMPTZ",
};

/** Makes a temporary table of up to some thousand rows, which queries then read; numbers that are not finite are null. */
export async function loadTable(
  connection: DuckDBConnection,
  name: string,
  { columns, rows }: Table,
): Promise<void> {
  const list = columns.map(({ name, kind }) => `"${name}" ${SQL_TYPES[kind]}`).join(", ");
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${name} (${list})`);
  if (rows.length === 0) return;
  const values = rows.map((row) =>
    `(${row.map((cell, i) => cellSql(cell, columns[i].kind)).join(", ")})`
  );
  await connection.run(`INSERT INTO ${name} VALUES ${values.join(", ")}`);
}

function cellSql(cell: Cell, kind: ColumnKind): string {
  if (cell === null || (typeof cell === "number" && !Number.isFinite(cell))) return "NULL";
  if (kind === "instant") return `make_timestamptz(${cell})`;
  return typeof cell === "string" ? literal(cell) : String(cell);
}
