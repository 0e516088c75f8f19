/** The list of functions that no client may call, against DuckDB's own. */
import { DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { REFUSED_FUNCTIONS, SIDE_EFFECTS } from "../../archiver/store/closed_functions.ts";

Deno.test("no function with side effects is missing from the list, nor a macro that calls one of it", async () => {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const macros = `SELECT DISTINCT function_name FROM duckdb_functions()
    WHERE function_type <> 'table_macro' AND regexp_matches(macro_definition, '\\b(${
    REFUSED_FUNCTIONS.join("|")
  })\\(')`;
  for (const sql of [SIDE_EFFECTS, macros]) {
    const names = (await connection.runAndReadAll(sql)).getRows().map(([name]) => String(name));
    assert.ok(names.length > 0);
    assert.deepEqual(names.filter((name) => !REFUSED_FUNCTIONS.includes(name)), []);
  }
  instance.closeSync();
});
