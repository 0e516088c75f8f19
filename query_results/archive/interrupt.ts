import type { DuckDBConnection } from "@duckdb/node-api";

/** DuckDB forgets an interrupt that comes before the statement proper has begun. */
const REPEAT_MS = 20;

/** Interrupts whatever `connection` runs, repeatedly until the returned function is called. */
export function interruptAll(connection: DuckDBConnection): () => void {
  connection.interrupt();
  const timer = setInterval(() => connection.interrupt(), REPEAT_MS);
  return () => clearInterval(timer);
}
