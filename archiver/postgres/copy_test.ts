import assert from "node:assert/strict";
import { CopyWriter } from "./copy.ts";
import { message } from "./replies.ts";
import type { CopyOptions } from "./statement.ts";

const encoder = new TextEncoder();

function copied(options: CopyOptions, ...rows: (string | null)[][]): string {
  const writer = new CopyWriter(options);
  const columns = ["a,b", "c"].map((name) => ({ name, oid: 25, size: -1 }));
  const fields = (row: (string | null)[]) =>
    row.map((value) => value === null ? null : encoder.encode(value)).flatMap((value) =>
      value === null ? [{ i32: -1 }] : [{ i32: value.length }, value]
    );
  const sent = rows.flatMap((row) =>
    writer.rows(message("D", { i16: row.length }, ...fields(row)))
  );
  const data = [...writer.begin(columns), ...sent, ...writer.end()];
  return data.map((bytes) => new TextDecoder().decode(bytes.subarray(5))).join("");
}

Deno.test("text and CSV as PostgreSQL writes them", () => {
  const rows = [["a\tb\n\\", null], ['x|y"z,;', "NULL"], ["", "\\."]];
  const text = { format: "text", delimiter: "\t", null: "\\N", header: true } as const;
  assert.equal(copied(text, ...rows), 'a,b\tc\na\\tb\\n\\\\\t\\N\nx|y"z,;\tNULL\n\t\\\\.\n');
  assert.equal(
    copied({ ...text, delimiter: "|", header: false, null: "" }, ...rows),
    'a\\tb\\n\\\\|\nx\\|y"z,;|NULL\n|\\\\.\n',
  );
  const csv = { format: "csv", delimiter: ",", null: "", header: true } as const;
  assert.equal(copied(csv, ...rows), '"a,b",c\n"a\tb\n\\",\n"x|y""z,;",NULL\n"","\\."\n');
  assert.equal(
    copied({ ...csv, delimiter: ";", header: false, null: "NULL" }, ...rows),
    '"a\tb\n\\";NULL\n"x|y""z,;";"NULL"\n;"\\."\n',
  );
});

Deno.test("binary has one header, in one message with what follows", () => {
  const binary = { format: "binary", delimiter: "", null: "", header: false } as const;
  for (const rows of [[], [["a", null], ["b", "c"]]]) {
    const sent = copied(binary, ...rows);
    assert.equal(sent.split("PGCOPY\n").length, 2);
  }
});
