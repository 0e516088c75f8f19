import type { DuckDBConnection } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";

/** The rows of a query of integers without nulls, chunk by chunk and column by column, as DuckDB holds them. */
export async function* readChunks(
  connection: DuckDBConnection,
  sql: string,
  widths: readonly (4 | 8)[],
): AsyncGenerator<(Int32Array | BigUint64Array)[]> {
  const result = await connection.stream(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    yield widths.map((width, i) => {
      const vector = duckdb.data_chunk_get_vector(chunk.chunk, i);
      const { buffer, byteOffset } = duckdb.vector_get_data(vector, chunk.rowCount * width);
      return width === 4
        ? new Int32Array(buffer, byteOffset, chunk.rowCount)
        : new BigUint64Array(buffer, byteOffset, chunk.rowCount);
    });
  }
}

/** All rows of a query of 32-bit integers without nulls, column by column. */
export async function readIntegers(
  connection: DuckDBConnection,
  sql: string,
  columns: number,
): Promise<Int32Array[]> {
  const chunks: Int32Array[][] = [];
  let rows = 0;
  for await (const chunk of readChunks(connection, sql, Array(columns).fill(4))) {
    chunks.push(chunk.map((column) => column.slice() as Int32Array));
    rows += chunk[0].length;
  }
  return Array.from({ length: columns }, (_, c) => {
    const column = new Int32Array(rows);
    let at = 0;
    for (const chunk of chunks) {
      column.set(chunk[c], at);
      at += chunk[c].length;
    }
    return column;
  });
}
