import { DuckDBInstance } from "@duckdb/node-api";
import { deepEqual, ok } from "node:assert/strict";
import { MIGRATIONS, VERSION_TABLE } from "../../archiver/store/migrations.ts";
import { startPostgres } from "../support/servers/postgres_server.ts";

const COLUMNS = "SELECT table_name, column_name, lower(data_type), is_nullable " +
  "FROM information_schema.columns WHERE table_schema = '$schema' ORDER BY 1, ordinal_position";
/** DuckDB's name → PostgreSQL's for the same type. */
const POSTGRES_NAMES: Record<string, string> = {
  varchar: "text",
  blob: "bytea",
  double: "double precision",
};

Deno.test("DuckDB and PostgreSQL make the same tables and views of the same migrations", async () => {
  const portable = MIGRATIONS.map(({ sql }) => sql);
  const instance = await DuckDBInstance.create(":memory:");
  const duckdb = await instance.connect();
  await using postgres = await startPostgres();
  try {
    for (const sql of [VERSION_TABLE, ...portable]) {
      await duckdb.run(sql);
      await postgres.query(sql);
    }
    const result = await duckdb.runAndReadAll(COLUMNS.replace("$schema", "main"));
    const ours = result.getRows().map(([table, column, type, nullable]) =>
      [table, column, POSTGRES_NAMES[String(type)] ?? type, nullable].join("|")
    );
    ok(ours.some((row) => row.startsWith("receipts|received_at|timestamp with time zone|NO")));
    deepEqual(await postgres.query(COLUMNS.replace("$schema", "public")), ours);
  } finally {
    duckdb.closeSync();
    instance.closeSync();
  }
});
