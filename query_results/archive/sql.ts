// Quoting for SQL. Nothing here loads DuckDB: a worker without rights may import it.

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Texts as an SQL list. */
export function literals(texts: readonly string[]): string {
  return `[${texts.map(literal).join(", ")}]`;
}

/** The name of a table, a column or the like, in quotes. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Verdicts that a later one replaces. */
export const UNDECIDED = ["unchecked", "unknown_signer", "rebuilt"] as const;

/** The condition that a column has one of {@link UNDECIDED}. */
export function isUndecided(column: string): string {
  return `${column} IN (${UNDECIDED.map(literal).join(", ")})`;
}

/** An instant as SQL; µs since the Unix epoch, or infinite. */
export function at(us: number): string {
  if (!Number.isFinite(us)) return `'${us < 0 ? "-" : ""}infinity'::TIMESTAMPTZ`;
  return `make_timestamptz(${us})`;
}
