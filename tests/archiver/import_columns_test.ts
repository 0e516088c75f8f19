/** How the columns of other observers' data are read: the SQL for each, run by DuckDB. */
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  hashReading,
  inboundReading,
  instantReading,
  instantUnit,
  nodeIdReading,
  scidReadings,
  signedHash,
  type SourceColumn,
  sourceHashSql,
  typeReading,
} from "../../archiver/import/encodings.ts";

async function inMemory(use: (connection: DuckDBConnection) => Promise<void>): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function value(connection: DuckDBConnection, sql: string): Promise<unknown> {
  return (await connection.runAndReadAll(`SELECT ${sql}`)).getRows()[0][0];
}

const column = (sql: string, type: string | null): SourceColumn => ({ name: "a.b", sql, type });

/** Instants from 2015 to 2100, µs since the Unix epoch. */
const instants = fc.bigInt(1_420_070_400_000_000n, 4_102_444_799_999_999n);
const unsigned = fc.bigInt(0n, 2n ** 64n - 1n);
const hex = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

Deno.test("an instant means the same as a timestamp and as an integer of any unit", async () => {
  await inMemory(async (connection) => {
    await fc.assert(
      fc.asyncProperty(instants, async (at) => {
        const seconds = at / 1_000_000n * 1_000_000n;
        const milliseconds = at / 1000n * 1000n;
        const forms: [string, string, bigint][] = [
          [`make_timestamptz(${at})`, "TIMESTAMP WITH TIME ZONE", at],
          [`make_timestamp(${at})`, "TIMESTAMP", at],
          [`CAST(make_timestamp(${seconds}) AS TIMESTAMP_S)`, "TIMESTAMP_S", seconds],
          [`CAST(make_timestamp(${milliseconds}) AS TIMESTAMP_MS)`, "TIMESTAMP_MS", milliseconds],
          [`${at / 1_000_000n}::UINTEGER`, "UINTEGER", seconds],
          [`${at / 1000n}::BIGINT`, "BIGINT", milliseconds],
          [`${at}::BIGINT`, "BIGINT", at],
          [`${at * 1000n + 999n}::UBIGINT`, "UBIGINT", at],
        ];
        for (const [sql, type, meant] of forms) {
          const raw = sql.match(/^(\d+)::/)?.[1];
          const bounds = raw === undefined
            ? undefined
            : { least: BigInt(raw), greatest: BigInt(raw) };
          const reading = instantReading(column(sql, type), bounds);
          assert.equal(
            await value(connection, `epoch_us(${reading.sql})`),
            meant,
            `${sql} as ${type}`,
          );
        }
      }),
      { numRuns: 30 },
    );
  });
});

Deno.test("two instants are of one unit at most, and of none when they are no instants", () => {
  const scales = [1n, 1000n, 1_000_000n, 1_000_000_000n];
  fc.assert(
    fc.property(instants, instants, fc.constantFrom(0, 1, 2, 3), (a, b, i) => {
      const [least, greatest] = [a, b].sort((x, y) => x < y ? -1 : 1)
        .map((at) => at * scales[i] / 1_000_000n);
      assert.equal(instantUnit(least, greatest)?.perSecond, scales[i]);
    }),
  );
  assert.equal(instantUnit(0n, 1_758_844_800n), undefined);
  assert.equal(instantUnit(1_758_844_800n, 1_758_844_800_000n), undefined);
  assert.throws(() => instantReading(column("x", "VARCHAR")), /its type is VARCHAR/);
  assert.throws(() => instantReading(column("x", null)), /there is no such column/);
});

Deno.test("a hash keeps its identity on the way to the archive's integer and back", async () => {
  await inMemory(async (connection) => {
    await fc.assert(
      fc.asyncProperty(unsigned, async (hash) => {
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setBigUint64(0, hash, true);
        const signed = BigInt.asIntN(64, hash);
        assert.equal(signedHash(hash), signed);
        assert.equal(signedHash(bytes), signed);
        const back = (type: string) =>
          value(connection, sourceHashSql(type, `(${signed})::BIGINT`));
        assert.equal(await back("BIGINT"), signed);
        assert.equal(await back("UBIGINT"), hash);
        const blob = await value(
          connection,
          `lower(hex(${sourceHashSql("BLOB", `(${signed})::BIGINT`)}))`,
        );
        assert.equal(blob, hex(bytes));
      }),
      { numRuns: 50 },
    );
  });
  for (const none of [null, "7", new Uint8Array(7), new Uint8Array(9)]) {
    assert.equal(signedHash(none), null);
  }
  assert.throws(() => hashReading(column("x", "VARCHAR")), /UBIGINT, BIGINT or BLOB/);
});

Deno.test("an scid is read from an integer, and from bytes in either order", async () => {
  await inMemory(async (connection) => {
    await fc.assert(
      fc.asyncProperty(unsigned, async (scid) => {
        const signed = BigInt.asIntN(64, scid);
        const [integer] = scidReadings(column(`${scid}::UBIGINT`, "UBIGINT"));
        assert.equal(await value(connection, integer.sql), signed);
        const bytes = new Uint8Array(8);
        new DataView(bytes.buffer).setBigUint64(0, scid, true);
        const [little] = scidReadings(column(`from_hex('${hex(bytes)}')`, "BLOB"));
        assert.equal(await value(connection, little.sql), signed);
        const [, big] = scidReadings(column(`from_hex('${hex(bytes.toReversed())}')`, "BLOB"));
        assert.equal(await value(connection, big.sql), signed);
      }),
      { numRuns: 30 },
    );
    const [integer] = scidReadings(column("NULL::UBIGINT", "UBIGINT"));
    assert.equal(await value(connection, integer.sql), null);
  });
  assert.deepEqual(scidReadings(column("x", null)), []);
});

Deno.test("only what is a node id, a known direction or a known type is read as one", async () => {
  await inMemory(async (connection) => {
    const id = "03" + "ab".repeat(32);
    const texts = [id, id.toUpperCase(), id.slice(2), "04" + id.slice(2), ""];
    for (const text of texts) {
      const expected = text.toLowerCase() === id ? id : null;
      const { sql } = nodeIdReading(column(`'${text}'`, "VARCHAR"));
      assert.equal(await value(connection, sql), expected, text);
      const { sql: bytes } = nodeIdReading(column(`from_hex('${text}')`, "BLOB"));
      assert.equal(await value(connection, bytes), expected, text);
    }
    for (
      const [dir, expected] of [["1", true], ["2", false], ["3", null], ["NULL", null]] as const
    ) {
      const { sql } = inboundReading(column(`${dir}::SMALLINT`, "SMALLINT"), ["1"]);
      assert.equal(await value(connection, sql), expected, dir);
    }
    const { sql: named } = inboundReading(column("'outbound'", "VARCHAR"), ["outbound"]);
    assert.equal(await value(connection, named), false);
    for (
      const [type, expected] of [[1, 256], [2, 257], [3, 258], [4, 18], [5, 19], [0, null], [
        9,
        null,
      ]]
    ) {
      const { sql } = typeReading(column(String(type), "SMALLINT"), 5n);
      assert.equal(await value(connection, sql), expected);
    }
    assert.equal(await value(connection, typeReading(column("257", "INTEGER"), 258n).sql), 257);
  });
  assert.throws(
    () => inboundReading(column("x", "SMALLINT"), ["0", "5"]),
    /it holds 0, 5; it should be 1/,
  );
  assert.throws(() => inboundReading(column("x", "DATE"), []), /an integer or a text/);
  assert.throws(() => typeReading(column("x", "VARCHAR"), null), /an integer/);
});
