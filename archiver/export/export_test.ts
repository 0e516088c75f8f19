import { deepEqual } from "node:assert/strict";
import { reportText, type TableOutcome } from "./export.ts";

Deno.test("the report has a line a table, and one for whatever needs saying", () => {
  const outcome: TableOutcome = {
    table: "peers",
    ours: { rows: 1234, checksum: 255n },
    theirs: { rows: 1234, checksum: 255n },
    sent: 1234,
    nuls: 0,
    different: [],
  };
  const receipts = {
    ...outcome,
    table: "receipts",
    theirs: { rows: 1, checksum: 2n },
    nuls: 2,
    different: ["2025-09-26"],
  };
  deepEqual(reportText([outcome, receipts]).split("\n"), [
    "table      rows  in PostgreSQL  checksum  in PostgreSQL   sent",
    "peers     1,234          1,234        ff             ff  1,234      equal",
    "receipts  1,234              1        ff              2  1,234  DIFFERENT",
    "receipts: 2 texts had a NUL, which PostgreSQL cannot hold; each is \u2400 there",
    "receipts: did not arrive as it is here, and was not kept: 2025-09-26",
  ]);
});
