// PostgreSQL's binary forms of values, from and to its text (its `*send` and `*recv` functions).

import { SqlError } from "./replies.ts";
import {
  dateText,
  elementOf,
  INFINITY_DAYS,
  INFINITY_US,
  instantText,
  OID,
  POSTGRES_EPOCH_DAYS,
  POSTGRES_EPOCH_US,
} from "./types.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const UTC = { offsetAt: () => 0 };
/** numeric's digits are of base 10,000. */
const DIGITS = 4;
const NUMERIC_NEGATIVE = 0x4000;
const NUMERIC_NAN = 0xc000;
const NUMERIC_INFINITY = 0xd000;
const NUMERIC_MINUS_INFINITY = 0xf000;

function made(size: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  fill(new DataView(bytes.buffer));
  return bytes;
}

/** The binary form of a value that {@link textOf} wrote in UTC. */
export function toBinary(text: string, oid: number): Uint8Array {
  switch (oid) {
    case OID.bool:
      return Uint8Array.of(text === "t" ? 1 : 0);
    case OID.int2:
      return made(2, (view) => view.setInt16(0, Number(text)));
    case OID.int4:
    case OID.oid:
      return made(4, (view) => view.setInt32(0, Number(text)));
    case OID.int8:
      return made(8, (view) => view.setBigInt64(0, BigInt(text)));
    case OID.float4:
      return made(4, (view) => view.setFloat32(0, Number(text)));
    case OID.float8:
      return made(8, (view) => view.setFloat64(0, Number(text)));
    case OID.bytea:
      return Uint8Array.fromHex(text.slice(2));
    case OID.numeric:
      return numericToBinary(text);
    case OID.date:
      return made(4, (view) => view.setInt32(0, daysOf(text)));
    case OID.timestamp:
    case OID.timestamptz:
      return made(8, (view) => view.setBigInt64(0, microsOf(text)));
    case OID.time:
      return made(8, (view) => view.setBigInt64(0, clockOf(text)));
    case OID.interval:
      return intervalToBinary(text);
    case OID.uuid:
      return Uint8Array.fromHex(text.replaceAll("-", ""));
    default: {
      const element = elementOf(oid);
      return element === undefined ? encoder.encode(text) : arrayToBinary(text, element);
    }
  }
}

function daysOf(text: string): number {
  if (text === "infinity") return INFINITY_DAYS;
  if (text === "-infinity") return -INFINITY_DAYS - 1;
  return Math.floor(dateOf(text).getTime() / 86_400_000) - POSTGRES_EPOCH_DAYS;
}

function dateOf(text: string): Date {
  const [, year, month, day] = text.match(/^(\d+)-(\d\d)-(\d\d)/)!;
  const date = new Date(0);
  date.setUTCFullYear(
    text.endsWith(" BC") ? 1 - Number(year) : Number(year),
    Number(month) - 1,
    Number(day),
  );
  return date;
}

function microsOf(text: string): bigint {
  if (text === "infinity") return INFINITY_US;
  if (text === "-infinity") return -INFINITY_US - 1n;
  const [, time] = text.match(/ (\d\d:\d\d:\d\d(?:\.\d+)?)/)!;
  return BigInt(dateOf(text).getTime()) * 1000n + clockOf(time) - POSTGRES_EPOCH_US;
}

function clockOf(text: string): bigint {
  const [, sign, hours, minutes, seconds, fraction = ""] = text.match(
    /^(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?$/,
  )!;
  const whole = BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds);
  const micros = whole * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
  return sign === "-" ? -micros : micros;
}

function intervalToBinary(text: string): Uint8Array {
  const unit = (name: string) => Number(text.match(new RegExp(`(-?\\d+) ${name}`))?.[1] ?? 0);
  const time = text.match(/-?\d+:\d\d:\d\d(\.\d+)?$/)?.[0];
  return made(16, (view) => {
    view.setBigInt64(0, time === undefined ? 0n : clockOf(time));
    view.setInt32(8, unit("day"));
    view.setInt32(12, unit("year") * 12 + unit("mon"));
  });
}

function numericToBinary(text: string): Uint8Array {
  const special =
    { NaN: NUMERIC_NAN, Infinity: NUMERIC_INFINITY, "-Infinity": NUMERIC_MINUS_INFINITY }[text];
  if (special !== undefined) return made(8, (view) => view.setUint16(4, special));
  const [, sign, whole, fraction = "", exponent = "0"] = text.match(
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/,
  )!;
  const point = whole.length + Number(exponent);
  let digits = whole + fraction;
  // Zeros on both sides, so that the decimal point is between two groups of four.
  const before = point <= 0 ? 0 : point;
  if (point < 0) digits = "0".repeat(-point) + digits;
  digits = digits.padEnd(before, "0");
  const scale = Math.max(0, digits.length - before);
  const lead = (DIGITS - before % DIGITS) % DIGITS;
  const padded = "0".repeat(lead) + digits;
  const groups: number[] = [];
  for (let i = 0; i < padded.length; i += DIGITS) {
    groups.push(Number(padded.slice(i, i + DIGITS).padEnd(DIGITS, "0")));
  }
  let weight = (before + lead) / DIGITS - 1;
  while (groups.length > 0 && groups[0] === 0) {
    groups.shift();
    weight--;
  }
  while (groups.at(-1) === 0) groups.pop();
  return made(8 + 2 * groups.length, (view) => {
    view.setInt16(0, groups.length);
    view.setInt16(2, groups.length === 0 ? 0 : weight);
    view.setUint16(4, sign === "-" && groups.length > 0 ? NUMERIC_NEGATIVE : 0);
    view.setInt16(6, scale);
    groups.forEach((group, i) => view.setInt16(8 + 2 * i, group));
  });
}

/** Elements of an array; null where there is none. */
export type Nested = (string | null | Nested)[];

/** The elements of an array's text. @throws {SqlError} when it is none. */
export function parseArray(text: string): Nested {
  let at = 0;
  const fail = (): never => {
    throw new SqlError("22P02", "malformed array literal");
  };
  const list = (depth: number): Nested => {
    if (text[at++] !== "{" || depth > 6) fail();
    const items: Nested = [];
    if (text[at] === "}") return at++, items;
    for (;;) {
      items.push(text[at] === "{" ? list(depth + 1) : item());
      const c = text[at++];
      if (c === "}") return items;
      if (c !== ",") fail();
    }
  };
  const item = (): string | null => {
    if (text[at] !== '"') {
      const plain = text.slice(at).match(/^[^{},"\\]+/)?.[0] ?? fail();
      at += plain.length;
      return /^null$/i.test(plain.trim()) ? null : plain.trim();
    }
    let value = "";
    for (at++; text[at] !== '"'; at++) {
      if (text[at] === "\\") at++;
      value += text[at] ?? fail();
    }
    at++;
    return value;
  };
  const items = list(1);
  return at === text.length ? items : fail();
}

function arrayToBinary(text: string, element: number): Uint8Array {
  const items = parseArray(text);
  const sizes: number[] = [];
  for (
    let level: Nested | string | null = items;
    Array.isArray(level) && level.length > 0;
    level = level[0]
  ) {
    sizes.push(level.length);
  }
  const flat = items.flat(Infinity as 1) as (string | null)[];
  const parts = flat.map((item) => item === null ? null : toBinary(item, element));
  const size = 12 + 8 * sizes.length +
    parts.reduce((sum, part) => sum + 4 + (part?.length ?? 0), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, sizes.length);
  view.setInt32(4, parts.includes(null) ? 1 : 0);
  view.setInt32(8, element);
  let at = 12;
  for (const length of sizes) {
    view.setInt32(at, length);
    view.setInt32(at + 4, 1);
    at += 8;
  }
  for (const part of parts) {
    view.setInt32(at, part?.length ?? -1);
    at += 4;
    if (part === null) continue;
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The text of a parameter in binary. @throws {SqlError} when it is not of its type. */
export function fromBinary(bytes: Uint8Array, oid: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    switch (oid) {
      case OID.bool:
        return view.getUint8(0) === 0 ? "f" : "t";
      case OID.int2:
        return String(view.getInt16(0));
      case OID.int4:
        return String(view.getInt32(0));
      case OID.oid:
        return String(view.getUint32(0));
      case OID.int8:
        return String(view.getBigInt64(0));
      case OID.float4:
        return String(view.getFloat32(0));
      case OID.float8:
        return String(view.getFloat64(0));
      case OID.bytea:
        return `\\x${bytes.toHex()}`;
      case OID.date: {
        const days = view.getInt32(0);
        const infinite = days === INFINITY_DAYS || days === -INFINITY_DAYS - 1;
        return infinite
          ? (days < 0 ? "-infinity" : "infinity")
          : dateText(days + POSTGRES_EPOCH_DAYS);
      }
      case OID.timestamp:
      case OID.timestamptz: {
        const micros = view.getBigInt64(0);
        if (micros === INFINITY_US || micros === -INFINITY_US - 1n) {
          return micros < 0n ? "-infinity" : "infinity";
        }
        return instantText(micros + POSTGRES_EPOCH_US, oid === OID.timestamptz ? UTC : null);
      }
      case OID.numeric:
        return numericFromBinary(view);
      case OID.uuid:
        return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
      default: {
        const element = elementOf(oid);
        if (element !== undefined) return arrayFromBinary(bytes, view, element);
        if (
          ![0, OID.text, OID.varchar, OID.bpchar, OID.name, OID.unknown, OID.json].includes(oid)
        ) {
          throw new SqlError(
            "0A000",
            `a binary parameter of type ${oid} is not supported; send it as text`,
          );
        }
        return decoder.decode(bytes);
      }
    }
  } catch (error) {
    if (error instanceof SqlError) throw error;
    throw new SqlError("22P03", "incorrect binary data format in bind parameter", { cause: error });
  }
}

function numericFromBinary(view: DataView): string {
  const [count, weight, sign, scale] = [
    view.getUint16(0),
    view.getInt16(2),
    view.getUint16(4),
    view.getUint16(6),
  ];
  if (sign === NUMERIC_NAN) return "NaN";
  if (sign === NUMERIC_INFINITY) return "Infinity";
  if (sign === NUMERIC_MINUS_INFINITY) return "-Infinity";
  let whole = "", fraction = "";
  for (let i = Math.min(0, weight + 1); i < Math.max(count, weight + 1); i++) {
    const digit = i >= 0 && i < count ? view.getUint16(8 + 2 * i) : 0;
    const text = String(digit).padStart(DIGITS, "0");
    if (i <= weight) whole += text;
    else fraction += text;
  }
  const shown = fraction.slice(0, scale).padEnd(scale, "0");
  const digits = whole.replace(/^0+(?=\d)/, "") || "0";
  return `${sign === NUMERIC_NEGATIVE ? "-" : ""}${digits}${scale > 0 ? `.${shown}` : ""}`;
}

function arrayFromBinary(bytes: Uint8Array, view: DataView, element: number): string {
  const dimensions = view.getInt32(0);
  if (dimensions === 0) return "{}";
  if (dimensions !== 1) throw new SqlError("0A000", "binary arrays have one dimension here");
  if (view.getInt32(8) !== element) throw new SqlError("42804", "wrong element type");
  const count = view.getInt32(12);
  const items: string[] = [];
  for (let i = 0, at = 20; i < count; i++) {
    const length = view.getInt32(at);
    at += 4;
    if (length === -1) {
      items.push("NULL");
      continue;
    }
    if (length < 0 || at + length > bytes.length) throw new RangeError("too long");
    const text = fromBinary(bytes.subarray(at, at + length), element);
    items.push(`"${text.replace(/["\\]/g, "\\$&")}"`);
    at += length;
  }
  return `{${items.join(",")}}`;
}
