/**
 * An archiver is killed at every named step of upgrade, commit, roll-over and retention. `deno task bench --only
 * crash_points` kills at each of them on its own, the first and the second time.
 */
import { DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { STEPS } from "../../archiver/store/crash_points.ts";
import { crashDamage } from "../support/crash/crash_check.ts";
import { CRASH_ARCHIVE, CRASH_DAYS } from "../support/crash/crash_folder.ts";
import { crashAndFinish, livesIn } from "../support/crash/crash_run.ts";
import { crashScript } from "../support/crash/crash_script.ts";
import { tempDir } from "../support/temp_dir.ts";

const NONE = { lost: 0, duplicated: 0, unreadable: 0, problems: [] };

Deno.test("killed at every step, one life after another, an archiver loses and doubles nothing", async () => {
  assert.deepEqual(await crashAndFinish(STEPS.map((step) => ({ step, occurrence: 1 }))), NONE);
});

Deno.test("the check of the whole archive finds what is lost, doubled, unreadable or left over", async () => {
  await using dir = await tempDir();
  const script = crashScript();
  await livesIn(dir.path, script, []);
  assert.deepEqual(await crashDamage(dir.path, script), NONE);
  const alter = async (...statements: string[]) => {
    const instance = await DuckDBInstance.create(dir.join(CRASH_ARCHIVE));
    const connection = await instance.connect();
    for (const statement of statements) await connection.run(statement);
    connection.closeSync();
    instance.closeSync();
    return await crashDamage(dir.path, script);
  };
  const some = "SELECT * FROM hot_receipts LIMIT 3";
  const doubled = await alter(`INSERT INTO hot_receipts ${some}`);
  assert.deepEqual([doubled.lost, doubled.duplicated], [0, 3]);
  assert.match(doubled.problems[0], /^verify: 3 misfits: each collector has as many receipts/);
  const dropped = "SELECT file_id FROM day_files WHERE state = 'dropped'";
  const lost = await alter(
    "DELETE FROM hot_receipts",
    `UPDATE day_file_receipts SET receipts = receipts - 1 WHERE file_id = (${dropped} ORDER BY file_id LIMIT 1)`,
  );
  assert.equal(lost.duplicated, 0);
  const lastDay = script.receipts.length / 6;
  assert.ok(lost.lost > lastDay / 2 && lost.lost < 2 * lastDay, String(lost.lost));

  const file = dir.join(CRASH_DAYS, "messages/2025/09/26/messages_2025-09-26");
  await Deno.remove(`${file}.json`);
  const { problems } = await crashDamage(dir.path, script);
  assert.ok(
    problems.includes("messages/2025/09/26/messages_2025-09-26.parquet is left over"),
    problems.join("\n"),
  );
  await Deno.truncate(`${file}.parquet`, 100);
  assert.equal((await crashDamage(dir.path, script)).unreadable, 1);
});
