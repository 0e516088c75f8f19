import assert from "node:assert/strict";
import { lastLine, resultLines } from "./result.ts";
import type { DemoResult } from "./run.ts";

const RESULT: DemoResult = {
  comparison: {
    sent: 1000,
    archived: 1000,
    lost: 0,
    folded: 0,
    duplicated: 0,
    messages: 20,
    differing: 0,
    examples: [],
  },
  sent: {
    event: "done",
    messages: 20,
    sent: 1000,
    skipped: 0,
    uncertain: 0,
    forwarded: 0,
    worst_lag_seconds: 0.1,
    seconds: 30,
    ledger: "/tmp",
    pongs: 0,
    pong_milliseconds: { p50: 0, p99: 0, worst: 0 },
    cpu_seconds: 1,
    failures: [],
  },
  compression: 30,
  seconds: 41.26,
  archive: "/out/archive.duckdb",
  archiveBytes: 5_300_000,
  queried: {
    report: "/out/index.html",
    figures: [{
      label: "Delay",
      kind: "seconds",
      value: 2,
      published: 100,
      unit: "s",
      basis: "8 of 363 messages",
    }],
    frame: {} as DemoResult["queried"]["frame"],
    opening: { figures: [], sentences: ["Each byte came twice."], limits: "" },
    tables: new Map(),
  },
};
const NAMES = { peers: 5, archive: "out/archive.duckdb", report: "out/index.html" };

Deno.test("the last line names every count, in its fixed order", () => {
  assert.equal(
    lastLine(RESULT, NAMES),
    "demo: peers=5 messages=20 receipts_sent=1000 receipts_archived=1000 lost=0 duplicated=0 " +
      "seconds=41.3 archive=out/archive.duckdb report=out/index.html",
  );
});

Deno.test("figures stand beside the real run's, at network time too, each with the count that it rests on", () => {
  const [opening, ...lines] = resultLines(RESULT);
  assert.equal(opening, "Each byte came twice.");
  assert.equal(lines.shift(), "");
  assert.match(lines[0], /This run +At network time \(× 30\) +run of 2025-09-26 {2}Rests on$/);
  assert.match(lines[1], /Delay +2 s +60 s +100 s {2}8 of 363 messages$/);
  assert.match(
    lines.at(-1)!,
    /All 1,000 receipts are in the archive once each, every byte as sent/,
  );
});

Deno.test("what is lost, doubled or altered is said, with examples", () => {
  const comparison = {
    ...RESULT.comparison,
    lost: 2,
    duplicated: 1,
    differing: 3,
    examples: ["peer 02 sent …"],
  };
  const text = resultLines({ ...RESULT, comparison }).join("\n");
  assert.match(text, /not what was sent: 2 lost, 1 duplicated, 3 messages differ/);
  assert.match(text, /peer 02 sent …/);
  assert.doesNotMatch(text, /All 1,000/);
});

Deno.test("what went wrong on the way is said: a busy machine, missing peers, broken connections, forwarding", () => {
  const sent = {
    ...RESULT.sent,
    worst_lag_seconds: 2,
    skipped: 7,
    uncertain: 3,
    forwarded: 1,
    failures: ["session: reset"],
  };
  const text = resultLines({ ...RESULT, sent }).join("\n");
  assert.match(text, /up to 2\.0 s late \(60 s of network time\)/);
  assert.match(text, /7 deliveries were not sent/);
  assert.match(text, /3 were being written when their connection broke/);
  assert.match(text, /forwarded 1 messages: it never should/);
  assert.match(text, /session: reset/);
});
