// How a source's columns are to be read: SQL for each, by its type and by what is in it.

import { UserError } from "../../shared/errors.ts";

export interface Reading {
  readonly sql: string;
  readonly summary: string;
}

export interface SourceColumn {
  /** Its table and name, for errors, e.g. `timings.hash`. */
  readonly name: string;
  readonly sql: string;
  /** Its type in DuckDB's words; null when there is no such column. */
  readonly type: string | null;
}

/** Instants outside these seconds since the Unix epoch are none of the Lightning Network's. */
const FIRST_SECOND = 1_420_070_400n; // 2015
const LAST_SECOND = 4_102_444_800n; // 2100

const INTEGER_TYPES: ReadonlySet<string> = new Set([
  ...["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"],
  ...["UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"],
]);

function refuse(column: SourceColumn, wish: string): never {
  const found = column.type === null ? "there is no such column" : `its type is ${column.type}`;
  throw new UserError(`Cannot read ${column.name}: ${found}; it should be ${wish}`);
}

/**
 * A 64-bit hash, as a key to join by: in its own type, since it is compared in each row.
 * @throws {UserError} when it is of no known type.
 */
export function hashReading(column: SourceColumn): Reading {
  if (column.type === "UBIGINT" || column.type === "BIGINT") {
    return { sql: column.sql, summary: `64-bit integer (${column.type})` };
  }
  if (column.type === "BLOB") {
    return { sql: column.sql, summary: "8 bytes, least significant first" };
  }
  return refuse(column, "UBIGINT, BIGINT or BLOB");
}

/** A hash column's value as the archive keeps it, a signed integer; null when it is none. */
export function signedHash(value: unknown): bigint | null {
  if (typeof value === "bigint") return BigInt.asIntN(64, value);
  if (!(value instanceof Uint8Array) || value.length !== 8) return null;
  return new DataView(value.buffer, value.byteOffset, 8).getBigInt64(0, true);
}

/** SQL that makes of `signed`, a {@link signedHash}, a value of the source's column type. */
export function sourceHashSql(type: string, signed: string): string {
  if (type === "BIGINT") return signed;
  const unsigned = `CAST(CAST(${signed} AS HUGEINT) & 18446744073709551615::HUGEINT AS UBIGINT)`;
  if (type === "UBIGINT") return unsigned;
  const bytes = `lpad(hex(${unsigned}), 16, '0')`;
  const reversed = [15, 13, 11, 9, 7, 5, 3, 1].map((at) => `substr(${bytes}, ${at}, 2)`);
  return `from_hex(${reversed.join(" || ")})`;
}

/**
 * An instant as TIMESTAMPTZ. Integers are taken to be of the unit in which they lie between 2015 and 2100; a
 * timestamp without time zone is taken to be UTC.
 * @param bounds the least and greatest value of an integer column; absent when there is none.
 * @throws {UserError} when it is of no known type or unit.
 */
export function instantReading(
  column: SourceColumn,
  bounds?: { readonly least: bigint; readonly greatest: bigint },
): Reading {
  const { sql, type } = column;
  if (type === "TIMESTAMP WITH TIME ZONE") return { sql, summary: "instant (TIMESTAMPTZ)" };
  if (type?.startsWith("TIMESTAMP")) {
    return { sql: `make_timestamptz(epoch_us(${sql}))`, summary: `${type}, taken to be UTC` };
  }
  if (type === null || !INTEGER_TYPES.has(type)) {
    return refuse(column, "a timestamp or an integer");
  }
  const unit = bounds && instantUnit(bounds.least, bounds.greatest);
  if (!unit) {
    const values = bounds ? `from ${bounds.least} to ${bounds.greatest}` : "nothing";
    throw new UserError(
      `Cannot read ${column.name}: it holds ${values}; it should be instants from 2015 to 2100 in ` +
        "seconds, milliseconds, microseconds or nanoseconds",
    );
  }
  const integer = `CAST(${sql} AS BIGINT)`;
  return {
    sql: `make_timestamptz(${unit.microseconds(integer)})`,
    summary: `${unit.name} since 1970`,
  };
}

export interface InstantUnit {
  readonly name: string;
  readonly perSecond: bigint;
  readonly microseconds: (sql: string) => string;
}

const UNITS: readonly InstantUnit[] = [
  { name: "seconds", perSecond: 1n, microseconds: (sql) => `${sql} * 1000000` },
  { name: "milliseconds", perSecond: 1000n, microseconds: (sql) => `${sql} * 1000` },
  { name: "microseconds", perSecond: 1_000_000n, microseconds: (sql) => sql },
  { name: "nanoseconds", perSecond: 1_000_000_000n, microseconds: (sql) => `${sql} // 1000` },
];

/** The unit in which both values are plausible instants; there is one at most, since units are 1,000 apart. */
export function instantUnit(least: bigint, greatest: bigint): InstantUnit | undefined {
  return UNITS.find(({ perSecond }) =>
    least >= FIRST_SECOND * perSecond && greatest < LAST_SECOND * perSecond
  );
}

/**
 * A node id: 33 bytes as lower-case hex. Rows that have none give null.
 * @throws {UserError} when the column is of no known type.
 */
export function nodeIdReading(column: SourceColumn): Reading {
  const { sql, type } = column;
  const checked = (hex: string) =>
    `CASE WHEN regexp_full_match(${hex}, '0[23][0-9a-f]{64}') THEN ${hex} END`;
  if (type === "VARCHAR") return { sql: checked(`lower(${sql})`), summary: "hex" };
  if (type === "BLOB") return { sql: checked(`lower(hex(${sql}))`), summary: "33 bytes" };
  return refuse(column, "VARCHAR or BLOB");
}

/**
 * Whether a row is of a message that came in (true), went out (false), or neither can be said (null). Only what came
 * in is a receipt. In the data that this is for, 1 is in and 2 is out.
 * @param values those found in the data.
 * @throws {UserError} when none of them is known.
 */
export function inboundReading(column: SourceColumn, values: readonly string[]): Reading {
  const { sql, type } = column;
  if (type === null) return { sql: "TRUE", summary: "no such column: all came in" };
  const known = INTEGER_TYPES.has(type)
    ? { in: "1", out: "2" }
    : type === "VARCHAR"
    ? { in: "'inbound'", out: "'outbound'" }
    : refuse(column, "an integer or a text");
  const names = [known.in, known.out].map((name) => name.replaceAll("'", ""));
  if (values.length > 0 && !values.some((value) => names.includes(value))) {
    throw new UserError(
      `Cannot read ${column.name}: it holds ${values.slice(0, 5).join(", ")}; it should be ` +
        `${names[0]} for what came in and ${names[1]} for what went out`,
    );
  }
  return {
    sql: `CASE ${sql} WHEN ${known.in} THEN TRUE WHEN ${known.out} THEN FALSE END`,
    summary: `${names[0]} came in, ${names[1]} went out`,
  };
}

/**
 * The BOLT 7 type of a message, from the observer's own numbers 1 to 5 or as it is on the wire; other values give null.
 * @param greatest the greatest value in the data; null when there is none.
 * @throws {UserError} when it is no integer.
 */
export function typeReading(column: SourceColumn, greatest: bigint | null): Reading {
  if (column.type === null || !INTEGER_TYPES.has(column.type)) return refuse(column, "an integer");
  if (greatest !== null && greatest >= 16n) {
    return { sql: `CAST(${column.sql} AS INTEGER)`, summary: "as on the wire" };
  }
  // 4 and 5 are ping and pong, which the archive does not take.
  return {
    sql:
      `CASE ${column.sql} WHEN 1 THEN 256 WHEN 2 THEN 257 WHEN 3 THEN 258 WHEN 4 THEN 18 WHEN 5 THEN 19 END`,
    summary: "1 channel_announcement, 2 node_announcement, 3 channel_update (4 ping, 5 pong)",
  };
}

/** The two ways in which an scid column can be read, each a signed integer in SQL; empty when there is none to read. */
export function scidReadings(column: SourceColumn): Reading[] {
  const { sql, type } = column;
  const signed = (unsigned: string) =>
    `CAST(CASE WHEN ${unsigned} >= 9223372036854775808::HUGEINT
      THEN ${unsigned} - 18446744073709551616::HUGEINT ELSE ${unsigned} END AS BIGINT)`;
  if (type !== null && INTEGER_TYPES.has(type)) {
    return [{ sql: signed(`CAST(${sql} AS HUGEINT)`), summary: `64-bit integer (${type})` }];
  }
  if (type !== "BLOB") return [];
  const bytes = Array.from({ length: 8 }, (_, i) => `substr(hex(${sql}), ${2 * i + 1}, 2)`);
  const number = (hex: readonly string[]) =>
    signed(`CAST(TRY_CAST('0x' || ${hex.join(" || ")} AS UBIGINT) AS HUGEINT)`);
  return [
    { sql: number(bytes.toReversed()), summary: "8 bytes, least significant first" },
    { sql: number(bytes), summary: "8 bytes, most significant first" },
  ];
}
