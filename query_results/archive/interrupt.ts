/**
 * Stopping what a connection runs.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";

/** DuckDB forgets an interrupt that comes before the statement proper has begun. */
const REPEAT_MILLISECONDS = 20;

/** Interrupts whatever `connection` runs, again and again until what is returned is called. */
export function interruptAll(connection: DuckDBConnection): () => void {
  connection.interrupt();
  const timer = setInterval(() => connection.interrupt(), REPEAT_MILLISECONDS);
  return () => clearInterval(timer);
}
