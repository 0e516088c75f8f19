// Binary forms that DuckDB's SQL cannot make, from PostgreSQL's text (its `numeric_send` and `array_send`).

import { SqlError } from "./replies.ts";

/** Object ids of PostgreSQL's types (its `pg_type.dat`). */
export const OID = {
  ...{ bool: 16, bytea: 17, name: 19, int8: 20, int2: 21, int4: 23, text: 25, json: 114 },
  ...{ float4: 700, float8: 701, unknown: 705, varchar: 1043, date: 1082, time: 1083 },
  ...{ timestamp: 1114, timestamptz: 1184, interval: 1186, numeric: 1700, uuid: 2950 },
} as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** numeric's digits are of base 10,000. */
const DIGITS = 4;
const NEGATIVE = 0x4000;
const SPECIAL: Readonly<Record<string, number>> = {
  ...{ nan: 0xc000, inf: 0xd000, "-inf": 0xf000 },
};

function made(size: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  fill(new DataView(bytes.buffer));
  return bytes;
}

/** numeric in binary. @param bytes its text, or that of a double. */
export function numericToBinary(bytes: Uint8Array): Uint8Array {
  const text = decoder.decode(bytes);
  const special = SPECIAL[text.toLowerCase()];
  if (special !== undefined) return made(8, (view) => view.setUint16(4, special));
  const [, sign, whole, fraction = "", exponent = "0"] = text.match(
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/,
  )!;
  const shift = whole.length + Number(exponent);
  // Zeros on both sides, so that the point is between two groups of digits.
  const before = Math.max(0, shift);
  const digits = ("0".repeat(Math.max(0, -shift)) + whole + fraction).padEnd(before, "0");
  const lead = (DIGITS - before % DIGITS) % DIGITS;
  const groups = ("0".repeat(lead) + digits).match(/.{1,4}/g)!.map((group) =>
    Number(group.padEnd(DIGITS, "0"))
  );
  const first = groups.findIndex((group) => group !== 0);
  const used = first < 0
    ? []
    : groups.slice(first, groups.findLastIndex((group) => group !== 0) + 1);
  return made(8 + 2 * used.length, (view) => {
    view.setInt16(0, used.length);
    view.setInt16(2, used.length === 0 ? 0 : (before + lead) / DIGITS - 1 - first);
    view.setUint16(4, sign === "-" && used.length > 0 ? NEGATIVE : 0);
    view.setInt16(6, digits.length - before);
    used.forEach((group, i) => view.setInt16(8 + 2 * i, group));
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
      const plain = text.slice(at).match(/^(?:[^{},"\\]+|\\.)+/s)?.[0] ?? fail();
      at += plain.length;
      return /^null$/i.test(plain.trim()) ? null : plain.trim().replace(/\\(.)/gs, "$1");
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

const int4 = (text: string) => made(4, (view) => view.setInt32(0, Number(text)));
const int8 = (text: string) => made(8, (view) => view.setBigInt64(0, BigInt(text)));

/** Binary forms of an array's elements, from their text. */
const SCALARS: Readonly<Record<number, (text: string) => Uint8Array>> = {
  ...{ [OID.int4]: int4, [OID.date]: int4, [OID.int8]: int8, [OID.time]: int8 },
  ...{ [OID.timestamp]: int8, [OID.timestamptz]: int8 },
  [OID.bool]: (text) => Uint8Array.of(text === "t" ? 1 : 0),
  [OID.int2]: (text) => made(2, (view) => view.setInt16(0, Number(text))),
  [OID.float4]: (text) => made(4, (view) => view.setFloat32(0, Number(text))),
  [OID.float8]: (text) => made(8, (view) => view.setFloat64(0, Number(text))),
  [OID.numeric]: (text) => numericToBinary(encoder.encode(text)),
  [OID.bytea]: (text) => Uint8Array.fromHex(text.slice(2)),
  [OID.uuid]: (text) => Uint8Array.fromHex(text.replaceAll("-", "")),
};

/** An array in binary. @param bytes its text. */
export function arrayToBinary(bytes: Uint8Array, element: number): Uint8Array {
  const items = parseArray(decoder.decode(bytes));
  const sizes: number[] = [];
  for (let level: Nested | string | null = items; Array.isArray(level) && level.length > 0;) {
    sizes.push(level.length);
    level = level[0];
  }
  const write = SCALARS[element] ?? ((text: string) => encoder.encode(text));
  const parts = (items.flat(6 as 1) as (string | null)[]).map((item) =>
    item === null ? null : write(item)
  );
  const out = new Uint8Array(
    parts.reduce((sum, part) => sum + 4 + (part?.length ?? 0), 12 + 8 * sizes.length),
  );
  const view = new DataView(out.buffer);
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
    if (part) out.set(part, at + 4);
    at += 4 + (part?.length ?? 0);
  }
  return out;
}
