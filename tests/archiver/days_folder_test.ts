/** Archives whose days meet in one folder, by a mistake or as copies: none touches what is another's. */
import assert from "node:assert/strict";
import { BatchMaker } from "../support/fixtures/batch_maker.ts";
import {
  contents,
  filesIn,
  fillDay,
  FIRST_DAY,
  openDays,
} from "../support/fixtures/day_archive.ts";
import { rows } from "../support/fixtures/archive.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const DROP = { day: null, drop: "hot", apply: true } as const;
const DROP_FILES = { day: null, drop: "files", apply: true } as const;
const RECEIPTS = "receipts/2025/09/26/receipts_2025-09-26";

/** Another archive than {@link openDays} makes by itself. */
function openOther(dir: TempDir, folder: string) {
  return openDays(dir, { folder, keep_files: 0 }, { maker: new BatchMaker("beta", FIRST_DAY) });
}

Deno.test("two archives with one folder keep their days apart, also when one drops its own", async () => {
  await using dir = await tempDir();
  await using otherDir = await tempDir();
  const folder = dir.join("days");
  await using one = await openDays(dir, { keep_files: 0 });
  await fillDay(one, 0);
  const oneBefore = await contents(one.store);
  await one.days.run(DROP);
  await using other = await openOther(otherDir, folder);
  await fillDay(other, 0, 7);
  const otherBefore = await contents(other.store);
  await other.days.run(DROP);
  assert.deepEqual(await contents(one.store), oneBefore);
  assert.deepEqual(await contents(other.store), otherBefore);
  assert.deepEqual(
    (await filesIn(folder)).filter((name) => name.startsWith("receipts")),
    [`${RECEIPTS}.1.json`, `${RECEIPTS}.1.parquet`, `${RECEIPTS}.json`, `${RECEIPTS}.parquet`],
  );
  // The name that the first gives up goes to a third one, whose file is no leftover of the first.
  await one.days.run(DROP_FILES);
  await using thirdDir = await tempDir();
  await using third = await openOther(thirdDir, folder);
  await fillDay(third, 0, 3);
  const thirdBefore = await contents(third.store);
  await third.days.run(DROP);
  await one.days.recover();
  assert.deepEqual(await contents(third.store), thirdBefore);
  assert.deepEqual(await contents(other.store), otherBefore);
});

Deno.test("a copy whose file gave way to another archive's is copied again beside it", async () => {
  await using dir = await tempDir();
  await using otherDir = await tempDir();
  const folder = dir.join("days");
  await using one = await openDays(dir);
  await fillDay(one, 0);
  await one.days.run({ ...DROP, drop: null });
  const before = await contents(one.store);
  await Deno.remove(folder, { recursive: true });
  await using other = await openOther(otherDir, folder);
  await fillDay(other, 0, 7);
  const otherBefore = await contents(other.store);
  await other.days.run(DROP);
  await one.days.run(DROP);
  assert.deepEqual(await contents(one.store), before);
  assert.deepEqual(await contents(other.store), otherBefore);
  // These days are too short for pairs: both archives' files of pair_days are empty, and the same, so that one's is there.
  const paths = await rows(
    one.store,
    "SELECT DISTINCT table_name = 'pair_days' AS is_empty, part FROM day_files ORDER BY part",
  );
  assert.deepEqual(paths, [{ is_empty: true, part: 0 }, { is_empty: false, part: 1 }]);
});

Deno.test("an archive that is pointed at another's folder does not take its files, but tells that its own are gone", async () => {
  await using dir = await tempDir();
  await using otherDir = await tempDir();
  {
    await using one = await openDays(dir);
    await fillDay(one, 0);
    await one.days.run(DROP);
    await using other = await openOther(otherDir, otherDir.join("days"));
    await fillDay(other, 0, 7);
    await other.days.run(DROP);
  }
  await Deno.remove(otherDir.join("days"), { recursive: true });
  await using other = await openOther(otherDir, dir.join("days"));
  const { missing, damaged } = other.days.progress().unreadable;
  assert.equal(missing.length, 2);
  assert.deepEqual(damaged, []);
  assert.ok(missing.every((path) => path.startsWith(otherDir.path)), String(missing));
});

Deno.test("a copy of an archive that has a folder of its own removes nothing of the original's", async () => {
  await using dir = await tempDir();
  await using copyDir = await tempDir();
  await using one = await openDays(dir, { keep_files: 0 });
  await fillDay(one, 0);
  await fillDay(one, 1);
  await one.days.run(DROP);
  const before = await contents(one.store);
  const names = await filesIn(dir.join("days"));
  await one.store.snapshot(copyDir.join("a.duckdb"));
  await using copy = await openOther(copyDir, copyDir.join("days"));
  for (const apply of [false, true]) {
    const lines = await copy.days.run({ ...DROP_FILES, apply });
    assert.deepEqual(lines.map(({ action, day }) => `${action} ${day}`), [
      "kept 2025-09-26",
      "kept 2025-09-27",
    ]);
    assert.match(lines[0].reason!, /outside .*\(days\.folder\)/);
  }
  // As the copy of an archive that was about to remove them.
  await copy.store.change((connection) =>
    connection.run("UPDATE day_files SET state = 'dropped'").then(() => {})
  );
  await copy.days.recover();
  assert.deepEqual(await filesIn(dir.join("days")), names);
  assert.deepEqual(await contents(one.store), before);
});

Deno.test("a copy in which no row of a day is left does not rename the original's file", async () => {
  await using dir = await tempDir();
  await using copyDir = await tempDir();
  await using one = await openDays(dir);
  await fillDay(one, 0);
  await one.days.run({ ...DROP, drop: null });
  const names = await filesIn(dir.join("days"));
  await one.store.snapshot(copyDir.join("a.duckdb"));
  await using copy = await openOther(copyDir, copyDir.join("days"));
  await copy.store.change((connection) =>
    connection.run("DELETE FROM hot_receipts").then(() => {})
  );
  const [line] = await copy.days.run(DROP);
  assert.match(line.reason!, /none of its rows is hot/);
  assert.deepEqual(await filesIn(dir.join("days")), names);
});
