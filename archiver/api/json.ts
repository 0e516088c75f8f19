// Values of the archive, and decoded messages, as JSON.

import { DuckDBBlobValue, DuckDBTimestampTZValue } from "@duckdb/node-api";
import { toHex } from "../../shared/text.ts";

/** An instant as ISO 8601 with microseconds, UTC. @param microseconds since the Unix epoch. */
export function isoTime(microseconds: number): string {
  const milliseconds = Math.floor(microseconds / 1000);
  const rest = String(microseconds - milliseconds * 1000).padStart(3, "0");
  return new Date(milliseconds).toISOString().replace("Z", `${rest}Z`);
}

/** {@link isoTime}, or null. */
export function isoTimeOrNull(microseconds: number | null): string | null {
  return microseconds === null ? null : isoTime(microseconds);
}

/**
 * A value that JSON can hold: bytes become hex, instants ISO 8601, integers beyond 2^53 text; lists and objects are
 * gone through.
 */
export function jsonValue(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Uint8Array) return toHex(value);
  if (value instanceof DuckDBBlobValue) return toHex(value.bytes);
  if (value instanceof DuckDBTimestampTZValue) return isoTime(Number(value.micros));
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, jsonValue(inner)]),
    );
  }
  return value;
}
