/** What the trends tell of results that scheduled runs kept. */
import assert from "node:assert/strict";
import { keepRows, writeResults, writeRun } from "../../archiver/analytics/results.ts";
import { EMPTY_FRAME, type Frame, frameTable } from "../../query_results/archive/frame.ts";
import { FRAME } from "../../query_results/catalog/catalog.ts";
import { runQueries } from "../../query_results/run.ts";
import type { Cell, ColumnKind, Table } from "../../query_results/format/table.ts";
import { makeEmptyArchive } from "../support/fixtures/query_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

const DAY = 86_400_000_000;
/** The day of the first run, 2025-01-01, in µs since the Unix epoch. */
const FIRST = 1_735_689_600_000_000;

const QUIET: Frame = {
  ...EMPTY_FRAME,
  window: { from: 0, to: 0 },
  collectors: ["alpha", "beta"],
  peers: 5,
  peersMost: 4,
  peersMean: 3.5,
};

function table(columns: Record<string, ColumnKind>, ...rows: Cell[][]): Table {
  return { columns: Object.entries(columns).map(([name, kind]) => ({ name, kind })), rows };
}

const delays = (count: number, median: number | null) =>
  table(
    {
      summary_type: "text",
      messages_seen: "integer",
      message_count: "integer",
      avg_delay_to_50pct: "number",
      avg_delay_to_95pct: "number",
    },
    ["all", 10, count, median, 9.5],
    ["channel_update", 8, count, median, 9.5],
  );

/** Three days of results: of the first a later run failed, the second was run again, the last failed; and another set. */
async function trends(window: { from?: number; to: number }, settings = {}) {
  await using dir = await tempDir();
  const path = dir.join("gossip.duckdb");
  await makeEmptyArchive(path, async (connection) => {
    await connection.run(
      `INSERT INTO hot_receipts VALUES (make_timestamptz(${FIRST}), 1, 1, 1, false, false)`,
    );
    const run = async (set: string, day: number, results: Record<string, Table> | null) => {
      const from = FIRST + day * DAY;
      const id = await writeRun(connection, {
        set,
        window: { from, to: from + DAY },
        settings: { reach_share: "0.5" },
        startedAt: from + DAY,
        finishedAt: from + DAY + 5,
        end: results
          ? { outcome: "done", folder: `query_results/${day}` }
          : { outcome: "failed", error: "no room" },
      });
      const kept = Object.entries(results ?? {}).map(([name, rows]) => keepRows(name, rows, 2));
      await writeResults(connection, id, kept);
    };
    await run("daily", 0, { convergence_delay: delays(7, 1.5), [FRAME]: frameTable(QUIET) });
    await run("daily", 0, null);
    await run("daily", 1, { convergence_delay: delays(1, 100) });
    await run("daily", 1, null);
    await run("daily", 1, {
      convergence_delay: delays(8, null),
      [FRAME]: frameTable({ ...QUIET, peers: 6, gaps: 1, missingBatches: 3, deadLetters: 2 }),
      message_totals: table(
        { summary_type: "text", unique_messages: "integer", receipts: "integer" },
        ["all", 30, 90],
        ["channel_update", 30, 90],
        ["left out", 1, 1],
      ),
    });
    await run("daily", 2, null);
    await run("other", 0, { convergence_delay: delays(3, 2) });
  });
  const only = ["trend_delay", "trend_messages", "trend_peers", "trend_health"];
  const { tables } = await runQueries({
    archive: path,
    out: dir.join("out"),
    window,
    only,
    settings,
  });
  const points = async (name: string) => {
    const svg = await Deno.readTextFile(dir.join("out", `trend_${name}.svg`));
    const [, marks = ""] = svg.split('class="mark-symbol role-mark layer_1_marks"');
    return marks.slice(0, marks.indexOf("</g>")).match(/<path /g)?.length;
  };
  const rows = (name: string) =>
    tables.get(`trend_${name}`)!.rows.map(([set, from, to, ...rest]) => {
      assert.equal(Number(to), Number(from) + DAY);
      return [set, (Number(from) - FIRST) / DAY, ...rest];
    });
  return {
    delay: rows("delay"),
    messages: rows("messages"),
    peers: rows("peers"),
    health: rows("health"),
    points: await Promise.all(["delay", "messages", "peers", "health"].map(points)),
  };
}

Deno.test("the trends tell each window's kept results, of the latest run that was done", async () => {
  const { delay, messages, peers, health, points } = await trends({ to: FIRST + 3 * DAY });
  assert.deepEqual(delay, [
    ["daily", 0, "all", 10, 7, null, 1.5, 9.5, null],
    ["daily", 0, "channel_update", 8, 7, null, 1.5, 9.5, null],
    ["other", 0, "all", 10, 3, null, 2, 9.5, null],
    ["other", 0, "channel_update", 8, 3, null, 2, 9.5, null],
    ["daily", 1, "all", 10, 8, null, null, 9.5, null],
    ["daily", 1, "channel_update", 8, 8, null, null, 9.5, null],
  ]);
  // Two rows of a result were kept.
  assert.deepEqual(messages, [
    ["daily", 1, "all", 30, 90, null, null, null],
    ["daily", 1, "channel_update", 30, 90, null, null, null],
  ]);
  assert.deepEqual(peers, [["daily", 0, 2, 5, 4, 3.5], ["daily", 1, 2, 6, 4, 3.5]]);
  assert.deepEqual(health, [["daily", 0, 0, 0, 0, 0], ["daily", 1, 1, 3, 0, 2]]);
  // Of the delays those of all types that are known: 50 and 95 % twice, and once 95 % alone.
  assert.deepEqual(points, [5, 2, 6, 8]);
});

Deno.test("the trends end with the window, and begin so many days before", async () => {
  const days = (rows: Cell[][]) => rows.map(([, day]) => day);
  assert.deepEqual(days((await trends({ to: FIRST + DAY })).peers), [0]);
  const late = { from: FIRST, to: FIRST + 2 * DAY };
  assert.deepEqual(days((await trends(late, { trend_days: "1" })).peers), [1]);
});

Deno.test("where no run was scheduled the trends are empty, and the report is without them", async () => {
  await using dir = await tempDir();
  await makeEmptyArchive(dir.join("gossip.duckdb"));
  const { report, tables } = await runQueries({
    archive: dir.join("gossip.duckdb"),
    out: dir.join("out"),
    only: ["message_totals", "trend_delay"],
  });
  assert.deepEqual(tables.get("trend_delay")?.rows, []);
  assert.match(await Deno.readTextFile(dir.join("out", "trend_delay.csv")), /^set_name,.*\r\n$/);
  const page = await Deno.readTextFile(report);
  assert.ok(page.includes("Message totals") && !page.includes("Trends"));
});
