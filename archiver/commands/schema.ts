// `deno task archive schema`: every table and column on one page.

import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { readSchema, schemaPage } from "../schema/page.ts";

export const schemaCommand: Subcommand = subcommand({
  name: "deno task archive schema",
  summary: "Prints a Markdown page on every table and column of an archive.",
  flags: {},
  examples: ["deno task --quiet archive schema > schema.md"],
}, async () => {
  console.log(schemaPage(await readSchema()).trimEnd());
});
