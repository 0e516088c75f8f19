// Chunks of DuckDB's results as DataRow messages.

import {
  DuckDBBlobVector,
  type DuckDBDataChunk,
  type DuckDBType,
  DuckDBTypeId as Id,
} from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { type CopyColumn, encodeRows } from "../export/binary_copy.ts";
import { toBinary } from "./binary.ts";
import {
  INFINITY_DAYS,
  INFINITY_US,
  OID,
  POSTGRES_EPOCH_DAYS,
  POSTGRES_EPOCH_US,
  type TextContext,
  textOf,
} from "./types.ts";
import type { Format } from "./wire.ts";

const encoder = new TextEncoder();
const UTC = { offsetAt: () => 0 };

/** A column of a result: DuckDB's type, and the type as which it goes out. */
export interface OutColumn {
  readonly type: DuckDBType;
  readonly oid: number;
}

/** Bytes of values whose form in DuckDB's vectors is the wire's but for the order of bytes, by type and object id. */
const WIDTHS: ReadonlyMap<string, 1 | 2 | 4 | 8> = new Map([
  ...[[Id.BOOLEAN, OID.bool, 1], [Id.SMALLINT, OID.int2, 2], [Id.INTEGER, OID.int4, 4]],
  ...[[Id.BIGINT, OID.int8, 8], [Id.FLOAT, OID.float4, 4], [Id.DOUBLE, OID.float8, 8]],
  ...[[Id.DATE, OID.date, 4], [Id.TIMESTAMP, OID.timestamp, 8]],
  [Id.TIMESTAMP_TZ, OID.timestamptz, 8],
].map(([id, oid, width]) => [`${id} ${oid}`, width as 1 | 2 | 4 | 8]));

/** The rows of a chunk, in pieces of about a MiB. */
export function encodeChunk(
  chunk: DuckDBDataChunk,
  columns: readonly OutColumn[],
  formats: readonly Format[],
  context: TextContext,
  from: number,
  to: number,
): Uint8Array[] {
  const encoded = columns.map((column, i) =>
    encodeColumn(chunk, i, column, formats[i], context, from, to)
  );
  return [...encodeRows(encoded, to - from, true)];
}

function encodeColumn(
  chunk: DuckDBDataChunk,
  index: number,
  { type, oid }: OutColumn,
  format: Format,
  context: TextContext,
  from: number,
  to: number,
): CopyColumn {
  const { rowCount } = chunk;
  const raw = duckdb.data_chunk_get_vector(chunk.chunk, index);
  const id = type.typeId;
  if (id === Id.VARCHAR || id === Id.BLOB && format === 1) {
    const vector = DuckDBBlobVector.fromRawVector(raw, rowCount);
    return { values: list(from, to, (row) => vector.getItemBytes(row)) };
  }
  const width = format === 1 ? WIDTHS.get(`${id} ${oid}`) : undefined;
  if (width !== undefined) {
    const data = duckdb.vector_get_data(raw, rowCount * width).slice(from * width, to * width);
    shiftEpoch(id, data);
    const validity: Uint8Array | null = duckdb.vector_get_validity(
      raw,
      8 * Math.ceil(rowCount / 64),
    );
    return {
      width,
      data,
      valid: validity && (from === 0 ? validity : shiftBits(validity, from, to)),
    };
  }
  const vector = chunk.getColumnVector(index);
  const write = format === 1
    ? (text: string) => toBinary(text, oid)
    : (text: string) => encoder.encode(text);
  return {
    values: list(from, to, (row) => {
      const value = vector.getItem(row);
      return value === null ? null : write(textOf(value, format === 1 ? UTC : context));
    }),
  };
}

function list<T>(from: number, to: number, make: (row: number) => T): T[] {
  return Array.from({ length: to - from }, (_, i) => make(from + i));
}

function shiftBits(bits: Uint8Array, from: number, to: number): Uint8Array {
  const shifted = new Uint8Array(Math.ceil((to - from) / 8));
  for (let i = from; i < to; i++) {
    if ((bits[i >> 3] >> (i & 7) & 1) === 1) shifted[(i - from) >> 3] |= 1 << ((i - from) & 7);
  }
  return shifted;
}

/** From DuckDB's epoch, 1970, to PostgreSQL's, 2000. */
function shiftEpoch(id: Id, data: Uint8Array): void {
  if (id === Id.DATE) {
    const days = new Int32Array(data.buffer, data.byteOffset, data.length / 4);
    for (let i = 0; i < days.length; i++) {
      if (days[i] === -INFINITY_DAYS) days[i] = -INFINITY_DAYS - 1;
      else if (days[i] !== INFINITY_DAYS) days[i] -= POSTGRES_EPOCH_DAYS;
    }
  } else if (id === Id.TIMESTAMP || id === Id.TIMESTAMP_TZ) {
    const micros = new BigInt64Array(data.buffer, data.byteOffset, data.length / 8);
    for (let i = 0; i < micros.length; i++) {
      if (micros[i] === -INFINITY_US) micros[i] = -INFINITY_US - 1n;
      else if (micros[i] !== INFINITY_US) micros[i] -= POSTGRES_EPOCH_US;
    }
  }
}
