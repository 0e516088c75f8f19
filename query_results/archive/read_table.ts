import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  DuckDBTimestampTZValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
  TIMESTAMPTZ,
} from "@duckdb/node-api";
import type { UsedParameter, Window } from "../catalog/parameters.ts";
import { boundNames } from "../catalog/query.ts";
import type { Cell, ColumnKind, Table } from "../format/table.ts";

const INTEGERS = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
]);

/** Runs `sql` with its window and parameters, and reads all rows. Only names that the SQL has are bound. */
export async function readTable(
  connection: DuckDBConnection,
  sql: string,
  window: Window,
  parameters: readonly UsedParameter[] = [],
): Promise<Table> {
  const values: Record<string, DuckDBValue> = {};
  const types: Record<string, DuckDBType> = {};
  for (const { parameter: { name, type }, value } of parameters) {
    values[name] = type === "BIGINT" ? BigInt(value) : value;
    types[name] = type === "BIGINT" ? BIGINT : type === "DOUBLE" ? DOUBLE : BOOLEAN;
  }
  for (const [name, instant] of [["window_from", window.from], ["window_to", window.to]] as const) {
    if (!boundNames(sql).includes(name)) continue;
    values[name] = new DuckDBTimestampTZValue(BigInt(instant));
    types[name] = TIMESTAMPTZ;
  }
  const reader = await connection.runAndReadAll(sql, values, types);
  const kinds = reader.columnTypes().map(columnKind);
  const columns = reader.columnNames().map((name, i) => ({ name, kind: kinds[i] }));
  return { columns, rows: reader.getRows().map((row) => row.map(cell)) };
}

function columnKind(type: DuckDBType): ColumnKind {
  if (INTEGERS.has(type.typeId)) return "integer";
  if (type.typeId === DuckDBTypeId.DOUBLE || type.typeId === DuckDBTypeId.FLOAT) return "number";
  if (type.typeId === DuckDBTypeId.TIMESTAMP_TZ) return "instant";
  if (type.typeId === DuckDBTypeId.BOOLEAN) return "boolean";
  if (type.typeId === DuckDBTypeId.VARCHAR) return "text";
  throw new TypeError(`cannot read a column of type ${type}; cast it in the query`);
}

function cell(value: DuckDBValue): Cell {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (value instanceof DuckDBTimestampTZValue) return Number(value.micros);
  if (
    value === null || typeof value === "number" || typeof value === "string" ||
    typeof value === "boolean"
  ) return value;
  throw new TypeError("cannot read a value of this type; cast it in the query");
}
