// The archive's side: rows as they go through COPY, and their count and checksum.
//
// Results are streamed, which is safe here: the file is open for reading alone, in a process that ends with the export.

import { DuckDBBlobVector, type DuckDBConnection, type DuckDBDataChunk } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { rowsOf } from "../store/database.ts";
import { identifier } from "../store/sql.ts";
import { type CopyColumn, encodeRows } from "./binary_copy.ts";
import { ourSummary, type TargetColumn, wireList, wireWidths } from "./columns.ts";
import { type Span, within } from "./tables.ts";

export interface Summary {
  readonly rows: number;
  readonly checksum: bigint;
}

/** An archive to export from. */
export class Source {
  constructor(private readonly connection: DuckDBConnection) {}

  async names(): Promise<Set<string>> {
    const rows = await rowsOf(
      this.connection,
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'main'",
    );
    return new Set(rows.map(({ name }) => String(name)));
  }

  /** Count and checksum of the rows of `table` for which `condition` holds, and how many of their texts have a NUL. */
  async summary(
    table: string,
    columns: readonly TargetColumn[],
    condition: string,
  ): Promise<Summary & { readonly nuls: number }> {
    const [row] = await rowsOf(
      this.connection,
      `SELECT ${ourSummary(columns)} FROM ${identifier(table)} WHERE ${condition}`,
    );
    return {
      rows: Number(row.rows),
      checksum: BigInt(String(row.checksum)),
      nuls: Number(row.nuls),
    };
  }

  /**
   * The days, UTC, in which `table` has rows of `span`, in order, counted from 1970-01-01.
   * @param column the instant that counts.
   */
  async days(table: string, column: string, span: Span): Promise<{ day: number; rows: number }[]> {
    const rows = await rowsOf(
      this.connection,
      `SELECT CAST(floor(epoch_us(${column}) / 86400000000) AS BIGINT) AS day, count(*) AS rows
      FROM ${identifier(table)} WHERE ${within(column, span)} GROUP BY day ORDER BY day`,
    );
    return rows.map(({ day, rows }) => ({ day: Number(day), rows: Number(rows) }));
  }

  /** The rows of `table` for which `condition` holds, chunk by chunk. @throws what `signal` was aborted with. */
  async *rows(
    table: string,
    columns: readonly TargetColumn[],
    condition: string,
    signal: AbortSignal,
  ): AsyncGenerator<{ rows: number; pieces: Iterable<Uint8Array> }> {
    const widths = wireWidths(columns);
    const result = await this.connection.stream(
      `SELECT ${wireList(columns)} FROM ${identifier(table)} WHERE ${condition}`,
    );
    for (;;) {
      signal.throwIfAborted();
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      const encoded = encodeRows(chunkColumns(chunk, widths), chunk.rowCount);
      yield { rows: chunk.rowCount, pieces: encoded };
    }
  }

  interrupt(): void {
    this.connection.interrupt();
  }
}

/** The columns of a chunk; those without a width are BLOBs. */
export function chunkColumns(
  chunk: DuckDBDataChunk,
  widths: readonly (1 | 2 | 4 | 8 | null)[],
): CopyColumn[] {
  const { rowCount } = chunk;
  return widths.map((width, i): CopyColumn => {
    if (width === null) {
      const vector = chunk.getColumnVector(i);
      if (!(vector instanceof DuckDBBlobVector)) throw new Error(`column ${i} is no BLOB`);
      return { values: Array.from({ length: rowCount }, (_, row) => vector.getItemBytes(row)) };
    }
    const vector = duckdb.data_chunk_get_vector(chunk.chunk, i);
    const validity: Uint8Array | null = duckdb.vector_get_validity(
      vector,
      8 * Math.ceil(rowCount / 64),
    );
    return { width, data: duckdb.vector_get_data(vector, rowCount * width), valid: validity };
  });
}
