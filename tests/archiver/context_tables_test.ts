import assert from "node:assert/strict";
import schema from "../../archiver/store/migrations/0001_schema.sql" with { type: "text" };
import { CONTEXT_TABLES } from "../../query_results/archive/context_tables.ts";
import { SUMMARY_NAMES } from "../../query_results/archive/summaries.ts";
import { PUBLISHED_TABLES } from "../../query_results/archive/published.ts";

/** The archiver's own bookkeeping, of no use to readers. */
const LEFT_OUT = [
  ...["message_numbers", "unresolved_events", "imports", "import_files", "import_fates"],
  ...["import_messages", "import_epochs", "analytics_queries"],
];

/** Only in files. */
const OWN: readonly string[] = ["earlier_messages", "summary_days", ...SUMMARY_NAMES];

Deno.test("each table is published or left out on purpose: a new one needs a rule in context_tables.ts", () => {
  const tables = [...schema.matchAll(/^CREATE TABLE (\w+)/gm)].map(([, name]) => name);
  const published = [...LEFT_OUT, ...PUBLISHED_TABLES].filter((name) => !OWN.includes(name));
  assert.deepEqual(tables.toSorted(), published.toSorted());
  assert.ok(Object.keys(CONTEXT_TABLES).every((table) => tables.includes(table)));
});
