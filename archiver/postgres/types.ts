// PostgreSQL's types, and DuckDB's SQL that brings a value into their text and binary forms: so DuckDB's threads do that
// work, and what comes out is copied as it is.

import {
  DuckDBArrayType,
  DuckDBListType,
  type DuckDBType,
  DuckDBTypeId as Id,
} from "@duckdb/node-api";
import { POSTGRES_EPOCH_US } from "../export/columns.ts";
import { arrayToBinary, numericToBinary, OID } from "./binary.ts";
import type { Format } from "./wire.ts";

/** How values of a type travel. Functions take a DuckDB expression and give one. */
interface Rule {
  /** DuckDB's type. */
  readonly type: string;
  /** Bytes of the binary form; null when they vary. */
  readonly width: 1 | 2 | 4 | 8 | 16 | null;
  /** PostgreSQL's text, a VARCHAR. */
  readonly text: (x: string) => string;
  /** Of the width, or a BLOB. */
  readonly binary: (x: string) => string;
  /** What is still to do to that BLOB. */
  readonly convert?: (bytes: Uint8Array) => Uint8Array;
  readonly array: number;
}

const varchar = (x: string) => `CAST(${x} AS VARCHAR)`;
const blob = (text: string) => `encode(${text})`;
const plain = (type: string, width: 2 | 4 | 8, array: number): Rule => ({
  ...{ type, width, array, text: varchar, binary: (x) => x },
});
const floating = (type: string, width: 4 | 8, array: number): Rule => ({
  ...plain(type, width, array),
  text: (x) => `replace(replace(${varchar(x)}, 'inf', 'Infinity'), 'nan', 'NaN')`,
});
const textual = (type: string, array: number): Rule => ({
  ...{ type, width: null, array, text: varchar, binary: (x) => blob(varchar(x)) },
});
/** PostgreSQL's infinite instants and days are the largest and the smallest integer. */
const counted = (
  type: string,
  width: 4 | 8,
  array: number,
  count: (x: string) => string,
): Rule => ({
  ...plain(type, width, array),
  binary: (x) => {
    const most = `${2n ** BigInt(width * 8 - 1) - 1n}`;
    return `CASE WHEN isfinite(${x}) THEN CAST(${count(x)} AS ${
      width === 4 ? "INTEGER" : "BIGINT"
    }) ` +
      `WHEN ${x} > '2000-01-01' THEN ${most} WHEN ${x} < '2000-01-01' THEN -${most} - 1 END`;
  },
});
/** An integer as hex digits, in two's complement. */
const hex = (n: string, bits: number) => {
  const wrapped = `(CAST(${n} AS HUGEINT) + ${2n ** BigInt(bits)}) % ${2n ** BigInt(bits)}`;
  return `lpad(to_hex(${wrapped}), ${bits / 4}, '0')`;
};
const sinceEpoch = (x: string) => `epoch_us(${x}) - ${POSTGRES_EPOCH_US}`;

const RULES: Readonly<Record<number, Rule>> = {
  [OID.bool]: {
    ...{ type: "BOOLEAN", width: 1, array: 1000, binary: (x) => x },
    text: (x) => `CASE WHEN ${x} THEN 't' WHEN NOT ${x} THEN 'f' END`,
  },
  [OID.int2]: plain("SMALLINT", 2, 1005),
  [OID.int4]: plain("INTEGER", 4, 1007),
  [OID.int8]: plain("BIGINT", 8, 1016),
  [OID.float4]: floating("FLOAT", 4, 1021),
  [OID.float8]: floating("DOUBLE", 8, 1022),
  [OID.bytea]: {
    ...{ type: "BLOB", width: null, array: 1001, binary: (x) => x },
    text: (x) => `'\\x' || lower(hex(${x}))`,
  },
  [OID.text]: textual("VARCHAR", 1009),
  [OID.varchar]: textual("VARCHAR", 1015),
  [OID.name]: textual("VARCHAR", 1003),
  [OID.json]: { ...textual("JSON", 199), text: (x) => varchar(`to_json(${x})`) },
  [OID.timestamp]: counted("TIMESTAMP", 8, 1115, sinceEpoch),
  [OID.timestamptz]: counted("TIMESTAMP WITH TIME ZONE", 8, 1185, sinceEpoch),
  [OID.date]: counted("DATE", 4, 1182, (x) => `${x} - DATE '2000-01-01'`),
  [OID.time]: { ...plain("TIME", 8, 1183), binary: (x) => `CAST(epoch(${x}) * 1000000 AS BIGINT)` },
  [OID.uuid]: {
    ...textual("UUID", 2951),
    binary: (x) => `from_hex(replace(${varchar(x)}, '-', ''))`,
  },
  [OID.numeric]: { ...textual("DECIMAL", 1231), convert: numericToBinary },
  [OID.interval]: {
    ...{ type: "INTERVAL", width: 16, array: 1187 },
    text: (x) => `replace(${varchar(x)}, 'month', 'mon')`,
    binary: (x) => {
      const part = (name: string) => `datepart('${name}', ${x})`;
      const micros = `${part("hour")} * 3600000000 + ${part("minute")} * 60000000 + ${
        part("microsecond")
      }`;
      const months = `${part("year")} * 12 + ${part("month")}`;
      return `from_hex(${hex(micros, 64)} || ${hex(part("day"), 32)} || ${hex(months, 32)})`;
    },
  },
};

/** Types whose text needs no quotes within an array. */
const UNQUOTED: ReadonlySet<number> = new Set([
  ...[OID.bool, OID.int2, OID.int4, OID.int8, OID.float4, OID.float8, OID.numeric, OID.uuid],
]);
/** Types whose binary form is an integer. */
const COUNTED: ReadonlySet<number> = new Set([OID.timestamp, OID.timestamptz, OID.date, OID.time]);

const ELEMENTS: ReadonlyMap<number, number> = new Map(
  Object.entries(RULES).map(([oid, { array }]) => [array, Number(oid)]),
);

/** The type of an array's elements; undefined when the type is no array. */
export const elementOf = (oid: number): number | undefined => ELEMENTS.get(oid);

/** Bytes of a type's binary form; -1 when they vary. */
export const sizeOf = (oid: number): number => RULES[oid]?.width ?? -1;

/** DuckDB's name of a type; undefined for arrays and what it has not. */
export const duckdbType = (oid: number): string | undefined => RULES[oid]?.type;

const OIDS: Partial<Record<Id, number>> = {
  ...{ [Id.BOOLEAN]: OID.bool, [Id.TINYINT]: OID.int2, [Id.UTINYINT]: OID.int2 },
  ...{ [Id.SMALLINT]: OID.int2, [Id.USMALLINT]: OID.int4, [Id.INTEGER]: OID.int4 },
  ...{ [Id.UINTEGER]: OID.int8, [Id.BIGINT]: OID.int8, [Id.UBIGINT]: OID.numeric },
  ...{ [Id.HUGEINT]: OID.numeric, [Id.UHUGEINT]: OID.numeric, [Id.BIGNUM]: OID.numeric },
  ...{ [Id.DECIMAL]: OID.numeric, [Id.FLOAT]: OID.float4, [Id.DOUBLE]: OID.float8 },
  ...{ [Id.TIMESTAMP]: OID.timestamp, [Id.TIMESTAMP_S]: OID.timestamp, [Id.DATE]: OID.date },
  ...{ [Id.TIMESTAMP_MS]: OID.timestamp, [Id.TIMESTAMP_NS]: OID.timestamp, [Id.TIME]: OID.time },
  ...{ [Id.TIMESTAMP_TZ]: OID.timestamptz, [Id.INTERVAL]: OID.interval, [Id.UUID]: OID.uuid },
  ...{ [Id.BLOB]: OID.bytea, [Id.STRUCT]: OID.json, [Id.MAP]: OID.json, [Id.UNION]: OID.json },
};

const isList = (type: DuckDBType) =>
  type instanceof DuckDBListType || type instanceof DuckDBArrayType;

/** The type as which a result of DuckDB's goes out: text where there is none like it. */
export function oidOf(type: DuckDBType): number {
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) {
    let inner: DuckDBType = type;
    while (inner instanceof DuckDBListType || inner instanceof DuckDBArrayType) {
      inner = inner.valueType;
    }
    return RULES[oidOf(inner)].array;
  }
  return OIDS[type.typeId] ?? OID.text;
}

/** A column on its way out. */
export interface Wire {
  /** DuckDB's expression for it. */
  readonly sql: string;
  readonly width: 1 | 2 | 4 | 8 | null;
  readonly convert?: (bytes: Uint8Array) => Uint8Array;
}

/** How a column of DuckDB's type goes out as one of PostgreSQL's. @param x the column, quoted. */
export function wireOf(x: string, type: DuckDBType, oid: number, format: Format): Wire {
  const element = elementOf(oid);
  if (element !== undefined) {
    const text = { sql: blob(listText(x, type, element, format)), width: null };
    return format === 0 ? text : { ...text, convert: (bytes) => arrayToBinary(bytes, element) };
  }
  const rule = RULES[oid];
  const own = oidOf(type) === oid && !/^(TINYINT|U|TIMESTAMP_)/.test(Id[type.typeId]) ||
    oid === OID.numeric || oid === OID.json;
  const value = own || type.typeId === Id.UUID ? x : `CAST(${x} AS ${rule.type})`;
  if (format === 0) return { sql: blob(rule.text(value)), width: null };
  const { convert, width } = rule;
  return { sql: rule.binary(value), width: width === 16 ? null : width, convert };
}

/** Whether a value of DuckDB's type can go out as one of PostgreSQL's. */
export function isWire(type: DuckDBType, oid: number): boolean {
  return isList(type) ? elementOf(oid) !== undefined : oid in RULES && oid !== OID.json;
}

/** A list as PostgreSQL writes an array. */
function listText(x: string, type: DuckDBType, element: number, format: Format, depth = 0): string {
  const inner = type instanceof DuckDBListType || type instanceof DuckDBArrayType
    ? type.valueType
    : type;
  const e = `e${depth}`;
  const escaped = (text: string) =>
    `'"' || replace(replace(${text}, '\\', '\\\\'), '"', '\\"') || '"'`;
  const { text: write, binary } = RULES[element];
  const text = isList(inner)
    ? listText(e, inner, element, format, depth + 1)
    : format === 1 && COUNTED.has(element)
    ? varchar(binary(e))
    : UNQUOTED.has(element)
    ? write(e)
    : escaped(write(e));
  return `'{' || array_to_string(list_transform(${x}, lambda ${e}: coalesce(${text}, 'NULL')), ',') || '}'`;
}
