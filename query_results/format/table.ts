/** An `instant` is µs since the Unix epoch. */
export type ColumnKind = "integer" | "number" | "instant" | "text" | "boolean";

/** A value; integers that a double cannot hold are bigints. */
export type Cell = number | bigint | string | boolean | null;

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A column's values, all rows; empty when there is no such column. */
export function columnValues(table: Table, name: string): Cell[] {
  const i = table.columns.findIndex((column) => column.name === name);
  return i < 0 ? [] : table.rows.map((row) => row[i]);
}

/** A table whose columns are the words of `names`: numbers, unless `:kind` follows. */
export function tableOf(names: string, rows: Table["rows"]): Table {
  const columns = names.trim().split(/\s+/).map((word) => {
    const [name, kind = "number"] = word.split(":");
    return { name, kind: kind as ColumnKind };
  });
  return { columns, rows };
}

/** Rows of cells as lines, each column as wide as its widest cell. @param isNumber whether a column is aligned to the right. */
export function alignedText(
  rows: readonly (readonly string[])[],
  isNumber: (column: number) => boolean = () => false,
): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) =>
    row.map((cell, i) => isNumber(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))
      .filter((_, i) => widths[i] > 0).join("  ").trimEnd()
  );
}
