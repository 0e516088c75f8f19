// The types of columns: how a value travels from DuckDB to PostgreSQL, and which text stands for it in the checksum
// of its row, the same one in both.
//
// The checksum of a row is the first 60 bits of the MD5 of the texts of its columns, `~` for null, with commas between;
// that of some rows is the sum of theirs, so that their order does not matter.
//
// | type | text |
// |---|---|
// | bigint, integer, smallint | decimal |
// | boolean | `t` or `f` |
// | timestamptz | µs since the Unix epoch, decimal |
// | date | days since the Unix epoch, decimal |
// | text | hex of its UTF-8 |
// | bytea | hex |
// | double precision | its 64 bits as `0` and `1`, the sign first |

import { UserError } from "../../shared/errors.ts";
import { identifier } from "../store/sql.ts";

/** Instead of a NUL, which PostgreSQL's text cannot hold: the picture of one, U+2400. */
export const NUL_STAND_IN = "\u2400";

export interface TargetColumn {
  readonly name: string;
  /** Its type, as `information_schema.columns.data_type` calls it. */
  readonly type: string;
}

/** What there is to know of a type. Functions take a column, quoted, and give SQL. */
interface TypeRule {
  /** Bytes of a value in DuckDB's vector of {@link wire} and in COPY; null when it varies. */
  readonly width: 1 | 2 | 4 | 8 | null;
  /** DuckDB: what goes through COPY. */
  readonly wire: (column: string) => string;
  readonly ours: (column: string) => string;
  readonly theirs: (column: string) => string;
}

/** PostgreSQL counts from 2000-01-01. */
export const POSTGRES_EPOCH_US = 946_684_800_000_000n;

const storable = (c: string) => `replace(${c}, chr(0), '${NUL_STAND_IN}')`;
const truth = (c: string) => `CASE WHEN ${c} THEN 't' WHEN NOT ${c} THEN 'f' END`;
const integer = (width: 2 | 4 | 8, type: string): TypeRule => ({
  width,
  wire: (c) => `CAST(${c} AS ${type})`,
  ours: (c) => `CAST(${c} AS VARCHAR)`,
  theirs: (c) => `CAST(${c} AS TEXT)`,
});

const TYPES: Readonly<Record<string, TypeRule>> = {
  bigint: integer(8, "BIGINT"),
  integer: integer(4, "INTEGER"),
  smallint: integer(2, "SMALLINT"),
  boolean: { width: 1, wire: (c) => c, ours: truth, theirs: truth },
  "timestamp with time zone": {
    width: 8,
    wire: (c) => `epoch_us(${c}) - ${POSTGRES_EPOCH_US}`,
    ours: (c) => `CAST(epoch_us(${c}) AS VARCHAR)`,
    theirs: (c) => `CAST(CAST(extract(epoch FROM ${c}) * 1000000 AS BIGINT) AS TEXT)`,
  },
  date: {
    width: 4,
    wire: (c) => `CAST(${c} - DATE '2000-01-01' AS INTEGER)`,
    ours: (c) => `CAST(${c} - DATE '1970-01-01' AS VARCHAR)`,
    theirs: (c) => `CAST(${c} - DATE '1970-01-01' AS TEXT)`,
  },
  text: {
    width: null,
    wire: (c) => `encode(${storable(c)})`,
    ours: (c) => `lower(hex(${storable(c)}))`,
    theirs: (c) => `encode(convert_to(${c}, 'UTF8'), 'hex')`,
  },
  bytea: {
    width: null,
    wire: (c) => c,
    ours: (c) => `lower(hex(${c}))`,
    theirs: (c) => `encode(${c}, 'hex')`,
  },
  "double precision": {
    width: 8,
    wire: (c) => `CAST(${c} AS DOUBLE)`,
    ours: (c) => `CAST(CAST(${c} AS BIT) AS VARCHAR)`,
    theirs: (c) => `CAST(('x' || encode(float8send(${c}), 'hex'))::bit(64) AS TEXT)`,
  },
};

/** Bytes of each column's values in COPY; null where they vary. @throws {UserError} on a type that is not known. */
export function wireWidths(columns: readonly TargetColumn[]): (1 | 2 | 4 | 8 | null)[] {
  return columns.map((column) => rule(column).width);
}

/** DuckDB's SELECT list of what goes through COPY. @throws as {@link wireWidths}. */
export function wireList(columns: readonly TargetColumn[]): string {
  return columns.map((column) => rule(column).wire(identifier(column.name))).join(", ");
}

/** DuckDB's SELECT list of `rows`, `checksum` and `nuls`, the texts with a NUL in them. @throws as {@link wireWidths}. */
export function ourSummary(columns: readonly TargetColumn[]): string {
  const nuls = columns.filter(({ type }) => type === "text").map(({ name }) =>
    `count(*) FILTER (WHERE contains(${identifier(name)}, chr(0)))`
  );
  const row = `md5(${rowText(columns, "ours")})`;
  return `count(*) AS rows, ` +
    `CAST(coalesce(sum(CAST('0x' || substr(${row}, 1, 15) AS BIGINT)), 0) AS VARCHAR) AS checksum, ` +
    `${["0", ...nuls].join(" + ")} AS nuls`;
}

/** PostgreSQL's SELECT list of `rows` and `checksum`. @param alias of the table. @throws as {@link wireWidths}. */
export function theirSummary(columns: readonly TargetColumn[], alias: string): string {
  const row = `md5(${rowText(columns, "theirs", alias)})`;
  return `count(*) AS rows, ` +
    `CAST(coalesce(sum(CAST(('x' || substr(${row}, 1, 15))::bit(60) AS BIGINT)), 0) AS TEXT) AS checksum`;
}

function rowText(
  columns: readonly TargetColumn[],
  side: "ours" | "theirs",
  alias?: string,
): string {
  const texts = columns.map((column) => {
    const name = alias === undefined
      ? identifier(column.name)
      : `${alias}.${identifier(column.name)}`;
    return `coalesce(${rule(column)[side](name)}, '~')`;
  });
  return `concat_ws(',', ${texts.join(", ")})`;
}

function rule({ name, type }: TargetColumn): TypeRule {
  const found = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (found === undefined) {
    const known = Object.keys(TYPES).join(", ");
    throw new UserError(
      `Cannot export column ${name}: its type in PostgreSQL is ${type}; known are ${known}`,
    );
  }
  return found;
}
