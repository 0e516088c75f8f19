// Values of the archive, and decoded messages, as JSON.

import { DuckDBBlobValue, DuckDBTimestampTZValue } from "@duckdb/node-api";
import { isoTime } from "../../shared/time.ts";

/**
 * A value that JSON can hold: bytes become hex, instants ISO 8601, integers beyond 2^53 text; lists and objects are
 * gone through.
 */
export function jsonValue(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Uint8Array) return value.toHex();
  if (value instanceof DuckDBBlobValue) return value.bytes.toHex();
  if (value instanceof DuckDBTimestampTZValue) return isoTime(Number(value.micros));
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, jsonValue(inner)]),
    );
  }
  return value;
}
