// PostgreSQL's types of DuckDB's values, and a value as PostgreSQL writes it: as text, and from that in binary.

import {
  DuckDBArrayType,
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBIntervalValue,
  DuckDBListType,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  DuckDBTypeId as Id,
  DuckDBUnionValue,
  type DuckDBValue,
} from "@duckdb/node-api";

/** Object ids of PostgreSQL's types (its `pg_type.dat`). */
export const OID = {
  ...{ bool: 16, bytea: 17, char: 18, name: 19, int8: 20, int2: 21, int4: 23, text: 25, oid: 26 },
  ...{ json: 114, float4: 700, float8: 701, unknown: 705, bpchar: 1042, varchar: 1043, date: 1082 },
  ...{ time: 1083, timestamp: 1114, timestamptz: 1184, interval: 1186, numeric: 1700, uuid: 2950 },
} as const;

/** Bytes of a value's binary form, where they do not vary. */
const SIZES: Readonly<Record<number, number>> = {
  ...{ [OID.bool]: 1, [OID.char]: 1, [OID.int2]: 2, [OID.int4]: 4, [OID.oid]: 4, [OID.int8]: 8 },
  ...{ [OID.float4]: 4, [OID.float8]: 8, [OID.date]: 4, [OID.time]: 8, [OID.timestamp]: 8 },
  ...{ [OID.timestamptz]: 8, [OID.interval]: 16, [OID.uuid]: 16 },
};

export const sizeOf = (oid: number): number => SIZES[oid] ?? -1;

/** The array type of each element type. */
const ARRAYS: ReadonlyMap<number, number> = new Map([
  ...[[OID.bool, 1000], [OID.bytea, 1001], [OID.int2, 1005], [OID.int4, 1007], [OID.text, 1009]],
  ...[[OID.int8, 1016], [OID.float4, 1021], [OID.float8, 1022], [OID.varchar, 1015]],
  ...[[OID.timestamp, 1115], [OID.date, 1182], [OID.time, 1183], [OID.timestamptz, 1185]],
  ...[[OID.interval, 1187], [OID.numeric, 1231], [OID.uuid, 2951], [OID.json, 199]],
] as [number, number][]);
const ELEMENTS: ReadonlyMap<number, number> = new Map(
  [...ARRAYS].map(([of, array]) => [array, of]),
);

/** The type of an array's elements; undefined when the type is no array. */
export const elementOf = (oid: number): number | undefined => ELEMENTS.get(oid);

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

/** The type as which a result of DuckDB's goes out: text where there is none like it. */
export function oidOf(type: DuckDBType): number {
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) {
    let inner: DuckDBType = type;
    while (inner instanceof DuckDBListType || inner instanceof DuckDBArrayType) {
      inner = inner.valueType;
    }
    return ARRAYS.get(oidOf(inner)) ?? ARRAYS.get(OID.text)!;
  }
  return OIDS[type.typeId] ?? OID.text;
}

/** µs from 1970 to 2000, where PostgreSQL's instants begin. */
export const POSTGRES_EPOCH_US = 946_684_800_000_000n;
export const POSTGRES_EPOCH_DAYS = 10_957;
/** DuckDB's infinite instants and days; PostgreSQL's are the largest and the smallest integer. */
export const INFINITY_US: bigint = 2n ** 63n - 1n;
export const INFINITY_DAYS: number = 2 ** 31 - 1;

/** What writing a value needs of its session. */
export interface TextContext {
  /** Seconds east of Greenwich at an instant in seconds since the Unix epoch. */
  readonly offsetAt: (seconds: number) => number;
}

/** A value of DuckDB's as PostgreSQL's text. */
export function textOf(value: DuckDBValue, context: TextContext): string {
  switch (typeof value) {
    case "boolean":
      return value ? "t" : "f";
    case "number":
      return numberText(value);
    case "object":
      break;
    default:
      return String(value);
  }
  if (value instanceof DuckDBTimestampTZValue) return instantText(value.micros, context);
  if (value instanceof DuckDBTimestampValue) return instantText(value.micros, null);
  if (value instanceof DuckDBTimestampSecondsValue) {
    return instantText(value.seconds * 1_000_000n, null);
  }
  if (value instanceof DuckDBTimestampMillisecondsValue) {
    return instantText(value.millis * 1000n, null);
  }
  if (value instanceof DuckDBTimestampNanosecondsValue) {
    return instantText(value.nanos / 1000n, null);
  }
  if (value instanceof DuckDBDateValue) return dateText(value.days);
  if (value instanceof DuckDBTimeValue) return clockText(value.micros);
  if (value instanceof DuckDBIntervalValue) return intervalText(value);
  if (value instanceof DuckDBBlobValue) return `\\x${value.bytes.toHex()}`;
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
    return arrayText(value.items, context);
  }
  if (
    value instanceof DuckDBStructValue || value instanceof DuckDBMapValue ||
    value instanceof DuckDBUnionValue
  ) return JSON.stringify(plain(value, context));
  return String(value);
}

function numberText(value: number): string {
  if (Number.isFinite(value)) {
    return Object.is(value, -0) ? "-0" : String(value).replace("e+", "e+");
  }
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

function arrayText(items: readonly DuckDBValue[], context: TextContext): string {
  const parts = items.map((item) => {
    if (item === null) return "NULL";
    const text = textOf(item, context);
    if (item instanceof DuckDBListValue || item instanceof DuckDBArrayValue) return text;
    return /^$|["\\{},\s]|^null$/i.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
  });
  return `{${parts.join(",")}}`;
}

/** What JSON can hold of a value. */
function plain(value: DuckDBValue, context: TextContext): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : numberText(value);
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
    return value.items.map((item) => plain(item, context));
  }
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(
      Object.entries(value.entries).map(([key, item]) => [key, plain(item, context)]),
    );
  }
  if (value instanceof DuckDBMapValue) {
    return Object.fromEntries(value.entries.map(({ key, value }) => [
      key === null ? "null" : textOf(key, context),
      plain(value, context),
    ]));
  }
  if (value instanceof DuckDBUnionValue) return plain(value.value, context);
  return textOf(value, context);
}

const pad = (value: number, length = 2) => String(value).padStart(length, "0");

/** An instant in µs since the Unix epoch, as text. @param context null for a timestamp without a zone. */
export function instantText(micros: bigint, context: TextContext | null): string {
  if (micros === INFINITY_US) return "infinity";
  if (micros === -INFINITY_US) return "-infinity";
  const second = 1_000_000n;
  let seconds = Number(micros / second), rest = Number(micros % second);
  if (rest < 0) [seconds, rest] = [seconds - 1, rest + 1_000_000];
  const offset = context?.offsetAt(seconds) ?? 0;
  const date = new Date((seconds + offset) * 1000);
  const fraction = rest === 0 ? "" : `.${pad(rest, 6).replace(/0+$/, "")}`;
  const time = `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${
    pad(date.getUTCSeconds())
  }`;
  const [day, era] = dayText(date);
  return `${day} ${time}${fraction}${context === null ? "" : offsetText(offset)}${era}`;
}

function offsetText(offset: number): string {
  const size = Math.abs(offset);
  const [hours, minutes, seconds] = [size / 3600, size / 60 % 60, size % 60].map(Math.floor);
  const more = seconds > 0
    ? `:${pad(minutes)}:${pad(seconds)}`
    : minutes > 0
    ? `:${pad(minutes)}`
    : "";
  return `${offset < 0 ? "-" : "+"}${pad(hours)}${more}`;
}

function dayText(date: Date): [day: string, era: string] {
  const year = date.getUTCFullYear();
  const shown = year > 0 ? year : 1 - year;
  const day = `${pad(shown, 4)}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
  return [day, year > 0 ? "" : " BC"];
}

/** A date as text. @param days since the Unix epoch. */
export function dateText(days: number): string {
  if (days === INFINITY_DAYS) return "infinity";
  if (days === -INFINITY_DAYS) return "-infinity";
  return dayText(new Date(days * 86_400_000)).join("");
}

function clockText(micros: bigint): string {
  const whole = Number(micros / 1_000_000n), rest = Number(micros % 1_000_000n);
  const fraction = rest === 0 ? "" : `.${pad(rest, 6).replace(/0+$/, "")}`;
  return `${pad(Math.floor(whole / 3600))}:${pad(Math.floor(whole / 60) % 60)}:${
    pad(whole % 60)
  }${fraction}`;
}

function intervalText({ months, days, micros }: DuckDBIntervalValue): string {
  const units = (value: number, unit: string) =>
    value === 0 ? [] : [`${value} ${unit}${value === 1 ? "" : "s"}`];
  const time = micros === 0n
    ? []
    : [(micros < 0n ? "-" : "") + clockText(micros < 0n ? -micros : micros)];
  const parts = [
    ...units(Math.trunc(months / 12), "year"),
    ...units(months % 12, "mon"),
    ...units(days, "day"),
    ...time,
  ];
  return parts.length === 0 ? "00:00:00" : parts.join(" ");
}

/** Gives the offsets of a time zone, an IANA name; those of UTC when it is unknown. */
export function zoneOffsets(zone: string): (seconds: number) => number {
  if (/^(utc|gmt|etc\/(utc|gmt)|zulu)$/i.test(zone)) return () => 0;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
  } catch {
    return () => 0;
  }
  // Offsets change on the quarter of an hour at the most often.
  const known = new Map<number, number>();
  return (seconds) => {
    const quarter = Math.floor(seconds / 900);
    const found = known.get(quarter);
    if (found !== undefined) return found;
    const parts = format.formatToParts(new Date(quarter * 900_000));
    const text = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
    const [, sign, hours, minutes = "0", second = "0"] =
      text.match(/GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/) ?? ["", "+", "0"];
    const offset = (sign === "-" ? -1 : 1) *
      (Number(hours) * 3600 + Number(minutes) * 60 + Number(second));
    if (known.size > 100_000) known.clear();
    known.set(quarter, offset);
    return offset;
  };
}
