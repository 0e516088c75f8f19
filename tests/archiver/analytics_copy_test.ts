/** The copy of a window, and the worker that queries it. */
import assert from "node:assert/strict";
import type { FromWorker, Job } from "../../archiver/analytics/job.ts";
import { runJob } from "../../archiver/analytics/query_worker.ts";
import { IS_MOVED, TABLE_NAMES, windowStatements } from "../../archiver/analytics/window_copy.ts";
import { Days } from "../../archiver/days/days.ts";
import { TREND_SOURCES } from "../../query_results/catalog/catalog.ts";
import { runQueries } from "../../query_results/run.ts";
import { systemClock } from "../../shared/clock.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { at, makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { makeSmallArchive } from "../support/fixtures/small_archive.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const WINDOWS = {
  whole: { from: at(0), to: at(6000) },
  part: { from: at(90), to: at(1600) },
  "after the last receipt": { from: at(5500), to: at(6000) },
};

/** Copies a window of the archive made by hand. */
async function copyWindow(dir: TempDir, window: { from: number; to: number }): Promise<string> {
  await using store = await openArchive(dir.join("gossip.duckdb"));
  const tables = (await store.read(TABLE_NAMES)).map((row) => String(row.table_name));
  const [{ moved }] = await store.read(IS_MOVED);
  const path = dir.join("work", "window.duckdb");
  await Deno.mkdir(dir.join("work"));
  await store.snapshot(path, windowStatements(window, tables, Boolean(moved)));
  return path;
}

function jobOf(dir: TempDir, copy: string, window: Job["window"]): Job {
  return {
    copy,
    tempFolder: dir.join("work", "temp"),
    out: dir.join("out"),
    set: "daily",
    window,
    title: "A day",
    settings: { bin_seconds: "1000" },
    reference: true,
    threads: 1,
    memoryLimitBytes: 2 ** 28,
    maxTempBytes: 2 ** 28,
    queryTimeoutMs: 60_000,
    rowsKept: 2,
  };
}

for (const [name, window] of Object.entries(WINDOWS)) {
  Deno.test(`on the copy of a window (${name}) each query tells what it tells on the archive`, async () => {
    await using dir = await tempDir();
    await makeQueryArchive(dir.join("gossip.duckdb"));
    const copy = await copyWindow(dir, window);
    const run = (archive: string, out: string) =>
      runQueries({ archive, out: dir.join(out), window, settings: { bin_seconds: "1000" } });
    const expected = await run(dir.join("gossip.duckdb"), "expected");
    const found = await run(copy, "found");
    assert.deepEqual(found.tables, expected.tables);
    assert.deepEqual(found.frame, expected.frame);
  });
}

Deno.test("on the copy of a window each query answers as on the archive where a clock was ten hours off", async () => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  const peers = [1, 2, 3, 4];
  const behind = (collector: number) => collector === 2 ? 36_000 : 0;
  await makeSmallArchive(archive, {
    collectors: ["alpha", "beta"],
    sessions: peers.map((peer) => ({ peer, collector: 1 + peer % 2, from: 1 })),
    // The first two messages are first seen before the window; beta alone saw the second before.
    receipts: [500, 900, 2000, 2600].flatMap((second, i) =>
      peers.map((peer) => ({
        message: i + 1,
        peer,
        collector: 1 + peer % 2,
        at: second + (i === 1 && peer % 2 === 0 ? 600 : 1) * peer,
      }))
    ),
    samples: [1, 2].flatMap((collector) =>
      [0, 1000, 2000, 3000].map((second) => ({
        collector,
        at: second,
        offset: behind(collector),
        uncertainty: 0.001,
      }))
    ),
    behind,
  });
  const window = { from: at(1000), to: at(3000) };
  const copy = await copyWindow(dir, window);
  const run = async (path: string, out: string) =>
    await runQueries({ archive: path, out: dir.join(out), window });
  const expected = await run(archive, "expected");
  const found = await run(copy, "found");
  assert.equal(expected.tables.get("peers_per_message")?.rows[0][1], 2);
  assert.deepEqual(found.tables, expected.tables);
  assert.deepEqual(found.frame, expected.frame);
});

Deno.test("the copy takes in days that are Parquet files by now", async () => {
  await using dir = await tempDir();
  await makeQueryArchive(dir.join("gossip.duckdb"));
  const window = WINDOWS.part;
  const run = async (archive: string, out: string) =>
    (await runQueries({ archive, out: dir.join(out), window })).tables;
  const hot = await run(dir.join("gossip.duckdb"), "hot");
  {
    await using store = await openArchive(dir.join("gossip.duckdb"));
    const options = { folder: dir.join("days"), after: 0, keep_hot: 0, keep_files: null };
    await using days = new Days(
      { ...options, apply: true, memoryLimitBytes: 2 ** 28 },
      { store, clock: systemClock },
    );
    await days.recover();
    await days.run({ day: null, drop: "hot", apply: true }, () => {});
    const [{ left }] = await store.read("SELECT count(*)::INTEGER AS left FROM hot_receipts");
    assert.equal(left, 0);
  }
  assert.deepEqual(await run(await copyWindow(dir, window), "cold"), hot);
});

Deno.test("a worker writes the whole report, and tells each result's first rows", async () => {
  await using dir = await tempDir();
  await makeQueryArchive(dir.join("gossip.duckdb"));
  const window = WINDOWS.whole;
  const copy = await copyWindow(dir, window);
  const told: FromWorker[] = [];
  await runJob(jobOf(dir, copy, window), {
    clock: systemClock,
    signal: new AbortController().signal,
    onMessage: (message) => told.push(message),
  });
  const page = await Deno.readTextFile(dir.join("out", "index.html"));
  assert.ok(page.includes("<h1>A day</h1>") && page.includes("run of 2025-09-26"));
  // The day itself is in its trends.
  const trend = (await Deno.readTextFile(dir.join("out", "trend_peers.csv"))).split("\n");
  assert.deepEqual(trend.slice(1, 2).map((line) => line.split(",").slice(3, 6)), [["3", "5", "5"]]);
  const results = told.flatMap((message) => message.kind === "result" ? [message.result] : []);
  assert.equal(results[0].query, "frame");
  for (const source of TREND_SOURCES) assert.ok(results.some(({ query }) => query === source));
  const sessions = results.find(({ query }) => query === "sessions");
  assert.deepEqual([sessions?.resultRows, sessions?.table.rows.length], [6, 2]);
  assert.equal(told.filter(({ kind }) => kind === "progress").length, results.length - 1);
});
