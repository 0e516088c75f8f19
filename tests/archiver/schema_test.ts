/** `deno task archive schema`. */
import assert from "node:assert/strict";
import { readSchema, type Relation, schemaPage } from "../../archiver/schema/page.ts";
import { startProgram } from "../support/servers/process.ts";

Deno.test("every table, view and column of the schema says what it is", async () => {
  const silent = (await readSchema()).flatMap(({ name, comment, columns }) => [
    ...(comment === "" ? [name] : []),
    ...columns.filter((column) => column.comment === "").map((column) => `${name}.${column.name}`),
  ]);
  assert.deepEqual(silent, [], "a migration should COMMENT ON these");
});

Deno.test("the page has one heading a table and one row a column", () => {
  const column = { name: "flags", type: "INTEGER", comment: "1 | 2." };
  const relation: Relation = { name: "a", isView: false, comment: "An a.", columns: [column] };
  const page = schemaPage([relation, { ...relation, name: "compat.b", isView: true }]);
  const told =
    "An a.\n\n| column | type | meaning |\n|---|---|---|\n| flags | INTEGER | 1 \\| 2. |\n";
  assert.ok(page.endsWith(`\n## a\n\n${told}\n## compat.b (view)\n\n${told}`), page);
});

Deno.test("the command prints the whole page, and writes nothing", async () => {
  const rights = ["--quiet", "--allow-read", "--allow-ffi", "--allow-env", "--allow-sys"];
  await using program = startProgram("archiver/main.ts", ["schema"], rights);
  assert.equal((await program.wait()).code, 0);
  const page = schemaPage(await readSchema()).trimEnd();
  assert.equal(program.lines.join("\n"), page);
  assert.ok(page.includes("| received_at | TIMESTAMP WITH TIME ZONE | When the socket read"), page);
});
