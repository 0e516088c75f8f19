import { type Cell, type ColumnKind, type Table } from "./table.ts";
import { isoTime } from "../../shared/time.ts";

/**
 * A table as CSV by RFC 4180: a header line, commas, CRLF, quotes only where needed; null is empty, instants are ISO
 * 8601 in UTC, numbers have full precision. A text that a spreadsheet would take for a formula gets a `'` before it.
 */
export function toCsv(table: Table): string {
  const lines = [table.columns.map((column) => quote(column.name)).join(",")];
  for (const row of table.rows) {
    lines.push(row.map((value, i) => csvCell(value, table.columns[i].kind)).join(","));
  }
  return lines.map((line) => `${line}\r\n`).join("");
}

function csvCell(value: Cell, kind: ColumnKind): string {
  if (value === null) return "";
  if (kind === "instant") return isoTime(value as number);
  if (kind !== "text") return String(value);
  const text = String(value);
  // A spreadsheet would run it as a formula, and peers choose texts (OWASP, CSV injection).
  return quote(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
