/**
 * Tables as CSV (RFC 4180): a header line, comma, LF, quotes only where needed, empty for null, instants as ISO 8601
 * in UTC, full precision.
 *
 * @module
 */
import { type Cell, type ColumnKind, isoInstant, type Table } from "./table.ts";

/** The whole file's text. */
export function toCsv(table: Table): string {
  const lines = [table.columns.map((column) => quote(column.name)).join(",")];
  for (const row of table.rows) {
    lines.push(row.map((value, i) => csvCell(value, table.columns[i].kind)).join(","));
  }
  return `${lines.join("\n")}\n`;
}

function csvCell(value: Cell, kind: ColumnKind): string {
  if (value === null) return "";
  if (kind === "instant") return isoInstant(value as number);
  return quote(String(value));
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
