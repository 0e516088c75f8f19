/** `deno task archive rollover`, with a running archiver and without. */
import assert from "node:assert/strict";
import { SUMMARY_NAMES } from "../../query_results/archive/summaries.ts";
import { at, filesIn, fillDay, openDays } from "../support/fixtures/day_archive.ts";
import { archiveRows } from "../support/fixtures/archive_check.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startProgram } from "../support/servers/process.ts";
import { tokenHeader } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";

async function run(...args: string[]) {
  await using program = startProgram("archiver/main.ts", args, ["-A", "--quiet"]);
  const { code } = await program.wait();
  return { code, lines: program.lines };
}

Deno.test("the running archiver rolls days over when asked, and tells of them", async () => {
  await using dir = await tempDir();
  {
    await using archive = await openDays(dir);
    await fillDay(archive, 0);
  }
  const port = freePort();
  const config = dir.join("a.yaml");
  await Deno.writeTextFile(
    config,
    `archive: ${dir.join("a.duckdb")}\napi: {port: ${port}}\ndays: {folder: ${dir.join("days")}}\n`,
  );
  const none = await run("rollover", "--config", config);
  assert.equal(none.code, 2);
  assert.match(none.lines[0], /No archiver answers at/);

  await using archiver = startProgram("archiver/main.ts", ["--config", config], ["-A"]);
  await archiver.waitForLine(/Archiving into/);
  const dry = await run("rollover", "--config", config, "--drop", "hot");
  assert.equal(dry.code, 0, dry.lines.join("\n"));
  assert.deepEqual(
    dry.lines.map((line) => line.replaceAll(/ {2,}/g, "|").replace(/[\d.]+ MiB/, "…")),
    [
      "copied|receipts|2025-09-26|15 rows|…",
      "copied|messages|2025-09-26|5 rows|…",
      "summarised|summaries|2025-09-26|5 rows|…",
      "would drop from hot|receipts|2025-09-26|15 rows|…",
      "would drop from hot|messages|2025-09-26|5 rows|…",
      "rollover: copied=2 summarised=1 would_drop_from_hot=2",
      "Nothing was dropped. To drop, add --apply.",
    ],
  );
  const applied = await run("rollover", "--config", config, "--drop", "hot", "--apply");
  assert.equal(applied.lines.at(-1), "rollover: dropped_from_hot=2");
  assert.deepEqual(await (await fetch(`http://127.0.0.1:${port}/healthz`)).json(), {
    ok: true,
    problems: [],
  });
  const status = await run("status", "--config", config);
  assert.ok(
    status.lines.some((line) =>
      /days cold +receipts: 2025-09-26 to 2025-09-26, 15 rows/.test(line)
    ),
    status.lines.join("\n"),
  );
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(metrics, /gossip_archiver_rollover_files_total\{action="dropped from hot"\} 2/);
  assert.match(metrics, /gossip_archiver_day_file_rows\{table="receipts",state="cold"\} 15/);

  const bad = await fetch(`http://127.0.0.1:${port}/rollover`, {
    method: "POST",
    body: '{"day": "x"}',
    headers: await tokenHeader(dir.path),
  });
  assert.deepEqual([bad.status, await bad.json()], [400, {
    error: "day: day should be a date such as 2025-09-26",
  }]);
  const held = await run("rollover", "--config", config, "--offline");
  assert.equal(held.code, 2);
  assert.match(held.lines[0], /holds it/);
  assert.equal((await archiver.terminate()).code, 0);
});

Deno.test("without an archiver --offline does it, and a day can be named", async () => {
  await using dir = await tempDir();
  {
    await using archive = await openDays(dir);
    await fillDay(archive, 0);
    await fillDay(archive, 1);
  }
  const config = dir.join("a.yaml");
  await Deno.writeTextFile(
    config,
    `archive: ${dir.join("a.duckdb")}\ndays: {folder: ${dir.join("days")}, keep_hot: null}\n`,
  );
  const drop = ["rollover", "--config", config, "--offline", "--drop", "hot", "--apply"];
  const all = await run(...drop);
  assert.equal(all.lines.at(-1), "rollover: copied=4 summarised=2", "keep_hot: null keeps all");
  const one = await run(...drop, "--day", "2025-09-27");
  assert.deepEqual([one.code, one.lines.at(-1)], [0, "rollover: dropped_from_hot=2"]);
  const [counts] = await archiveRows(
    dir.join("a.duckdb"),
    `SELECT count(*)::INTEGER AS hot, (SELECT count(*)::INTEGER FROM receipts) AS all_of_them,
      max(received_at) < make_timestamptz(${at(1, 0)}) AS first_day FROM hot_receipts`,
  );
  assert.deepEqual(counts, { hot: 15, all_of_them: 30, first_day: true });
  // Two of facts and those of summaries each day, and their manifests.
  assert.equal((await filesIn(dir.join("days"))).length, 2 * 2 * (2 + SUMMARY_NAMES.length));

  for (
    const [flags, why] of [
      [["--day", "2025-02-30"], /should be a day/],
      [["--drop", "all"], /should be hot or files/],
      [["--apply"], /--apply requires --drop/],
      [["--drop", "published"], /--drop published requires --day and --apply/],
      [["--day", "2025-09-26", "--drop", "published", "--apply"], /has no days.publish, so no day/],
    ] as const
  ) {
    const refused = await run("rollover", "--config", config, "--offline", ...flags);
    assert.equal(refused.code, 2);
    assert.match(refused.lines[0], why);
  }
});
