/** Scheduled analytics in the archiver's own process, under its own permission set. */
import assert from "node:assert/strict";
import type { Status } from "../../archiver/status/status.ts";
import { archiveRows } from "../support/fixtures/archive_check.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startProgram } from "../support/servers/process.ts";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const SET = { name: "daily", window: "1d" };

/** An archiver with a set, and an archive that has a day of 2025. */
async function prepare(dir: TempDir, port: number): Promise<string> {
  await makeQueryArchive(dir.join("gossip.duckdb"));
  const config = {
    archive: dir.join("gossip.duckdb"),
    memory_limit: "256MiB",
    api: { port },
    days: { folder: dir.join("days") },
    analytics: {
      work_folder: dir.join("work"),
      catch_up: 1,
      settle: "0ms",
      sets: [{ ...SET, folder: dir.join("reports") }],
    },
    log: { level: "debug", format: "text" },
  };
  await Deno.writeTextFile(dir.join("archiver.yaml"), JSON.stringify(config));
  return dir.join("archiver.yaml");
}

/** What the permission set lets the archiver read of the project. */
const SOURCES = "archiver,query_results,shared";

const start = (dir: TempDir, command: readonly string[], sources = SOURCES) =>
  startProgram("archiver/main.ts", command, [
    "-P=archiver",
    "--allow-net=127.0.0.1",
    `--allow-read=${dir.path},${sources}`,
    `--allow-write=${dir.path}`,
  ]);

async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
}

Deno.test("a missed day is made up for after a kill in its midst, and an old one is run on demand", async () => {
  await using dir = await tempDir();
  const port = freePort();
  const config = await prepare(dir, port);
  {
    await using archiver = start(dir, ["run", "--config", config]);
    // In the worker, with its files open and a part of the report written.
    await archiver.waitForLine(/daily \d{4}-\d\d-\d\d: (?!copying)\w+, \d+ of \d+ queries/);
    archiver.signal("SIGKILL");
    await archiver.wait();
  }
  assert.deepEqual(await names(dir.join("work")), ["run"]);
  assert.match((await names(dir.join("reports"))).join(), /^\.\d{4}-\d\d-\d\d\.part$/);

  await using archiver = start(dir, ["run", "--config", config]);
  await archiver.waitForLine(/daily \d{4}-\d\d-\d\d: .* in [\d.]+ s/);
  const status = async () =>
    await (await fetch(`http://127.0.0.1:${port}/status`)).json() as Status;
  const { halted, sets: [{ last, runs, next_at }] } = (await status()).analytics;
  assert.deepEqual([halted, last?.outcome, runs, last?.error], [null, "done", 1, null]);
  assert.match(next_at ?? "", /T00:30:00\.000000Z$/);
  assert.deepEqual(await names(dir.join("reports")), [last!.window]);
  assert.ok((await names(dir.join("reports", last!.window))).includes("index.html"));

  await using analyse = start(dir, ["analyse", "--config", config, "--day", "2025-01-01"]);
  assert.equal((await analyse.wait()).code, 0, analyse.lines.join("\n"));
  const folder = await Deno.realPath(dir.join("reports", "2025-01-01"));
  assert.ok(analyse.lines.includes(folder), analyse.lines.join("\n"));
  assert.match(await Deno.readTextFile(`${folder}/message_totals.csv`), /^all,6,15,/m);
  await until(async () => (await names(dir.join("work"))).length === 0);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(metrics, /^gossip_archiver_analytics_runs_total\{set="daily"\} 2$/m);

  await using refused = start(dir, ["analyse", "--config", config, "--set", "weekly"]);
  assert.equal((await refused.wait()).code, 2);
  assert.match(refused.lines.at(-1)!, /^Cannot make a report: there is no such set; .*: daily$/);

  assert.equal((await archiver.terminate()).code, 0, archiver.lines.slice(-20).join("\n"));
  const runs_ = await archiveRows(
    dir.join("gossip.duckdb"),
    "SELECT outcome, count(*)::INTEGER AS n FROM analytics_runs GROUP BY outcome",
  );
  assert.deepEqual(runs_.map(Object.values), [["done", 2]]);
});

Deno.test("what the archiver lacks leave for is said at its start, with the command that gives it", async () => {
  await using dir = await tempDir();
  await using other = await tempDir();
  const config = await prepare(dir, freePort());
  const text = (await Deno.readTextFile(config)).replace(
    dir.join("reports"),
    other.join("reports"),
  );
  await Deno.writeTextFile(config, text);
  await using archiver = start(dir, ["run", "--config", config]);
  assert.equal((await archiver.wait()).code, 2, archiver.lines.join("\n"));
  const folder = other.join("reports");
  for (const doing of ["reading", "writing"]) {
    assert.ok(archiver.lines.includes(`  analytics.sets.folder: ${doing} ${folder}`));
  }
  assert.match(
    archiver.lines.at(-1)!,
    new RegExp(`--allow-read=.*${folder}.* --allow-write=.*${folder}`),
  );

  const own = await prepare(dir, freePort());
  await using blind = start(dir, ["run", "--config", own], "archiver.yaml");
  assert.equal((await blind.wait()).code, 2, blind.lines.join("\n"));
  assert.match(
    blind.lines.at(-1)!,
    /^Cannot run analytics: .*should name .*\/query_results\//,
  );
});
