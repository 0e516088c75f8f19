/** Rolling over when something goes wrong half way: nothing is lost or doubled, and the next pass finishes. */
import assert from "node:assert/strict";
import { Refusal } from "../../shared/errors.ts";
import { daysStatus } from "../../archiver/days/status.ts";
import { STEPS } from "../../archiver/store/crash_points.ts";
import { CHECKS } from "../../archiver/verify/checks.ts";
import type { Store } from "../../archiver/store/store.ts";
import { rows } from "../support/fixtures/archive.ts";
import { BatchMaker } from "../support/fixtures/batch_maker.ts";
import {
  contents,
  filesIn,
  fillDay,
  FIRST_DAY,
  openDays,
} from "../support/fixtures/day_archive.ts";
import { canMount, smallDisk } from "../support/small_disk.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const DROP_HOT = { day: null, drop: "hot", apply: true } as const;
const DROP_FILES = { day: null, drop: "files", apply: true } as const;
const OF_DAYS = STEPS.filter((step) => /^(copy|summary|drop)/.test(step));

/** The claims that do not hold. */
async function contradictions(store: Store): Promise<string[]> {
  return await store.beside(async (connection) => {
    const claims: string[] = [];
    for (const { kind, claim, look } of CHECKS) {
      if (kind === "contradiction" && (await look(connection)).misfits > 0) claims.push(claim);
    }
    return claims;
  });
}

for (const step of OF_DAYS) {
  Deno.test(`a failure at the step "${step}" is told, loses nothing, and the next pass finishes`, async () => {
    await using dir = await tempDir();
    let failsAt: string | null = null;
    const onStep = (reached: string) => {
      if (reached === failsAt) throw new Error(`failed on purpose at ${reached}`);
    };
    await using archive = await openDays(dir, { keep_files: 0 }, { onStep });
    const { store, days } = archive;
    await fillDay(archive, 0);
    await fillDay(archive, 4);
    const before = await contents(store);
    const request = step.startsWith("drop files") ? DROP_FILES : DROP_HOT;
    if (request === DROP_FILES) await days.run(DROP_HOT);

    failsAt = step;
    await assert.rejects(days.run(request), /failed on purpose/);
    failsAt = null;
    assert.match(days.progress().failure!.reason, /failed on purpose/);
    // Nothing that is half done shows, and commits go on beside it.
    if (request === DROP_HOT) assert.deepEqual(await contents(store), before);
    assert.deepEqual(await contradictions(store), []);
    const names = await filesIn(dir.join("days"));
    assert.deepEqual(names.filter((name) => name.endsWith(".partial")), []);
    await store.commit([]);

    await days.run(request);
    assert.equal(days.progress().failure, null);
    assert.deepEqual(await contradictions(store), []);
    const [{ hot }] = await rows(store, "SELECT count(*) AS hot FROM hot_receipts");
    assert.equal(hot, 15);
    const after = await filesIn(dir.join("days"));
    assert.deepEqual(after.filter((name) => name.includes("unlisted")), []);
    if (request === DROP_HOT) assert.deepEqual(await contents(store), before);
    else assert.ok(!after.some((name) => name.startsWith("receipts/")), String(after));
  });
}

Deno.test("a commit that fails while days roll over ends the pass, which is done again", async () => {
  await using dir = await tempDir();
  const reached = Promise.withResolvers<void>();
  await using archive = await openDays(dir, {}, {
    onStep(step) {
      if (step === "drop hot: file verified") reached.resolve();
    },
  });
  const { store, days } = archive;
  await fillDay(archive, 0);
  await fillDay(archive, 1);
  const before = await contents(store);
  const pass = days.run(DROP_HOT).then(() => "done", () => "failed");
  await reached.promise;
  await assert.rejects(
    store.change((connection) => connection.run("SELECT nonsense").then(() => {})),
    /nonsense/,
  );
  assert.equal(await pass, "failed");
  assert.deepEqual(await contents(store), before);
  await days.run(DROP_HOT);
  assert.deepEqual(await contents(store), before);
  assert.deepEqual(await contradictions(store), []);
});

Deno.test({
  name: "a full disk ends the copy, and commits go on; with room again the next pass does it",
  ignore: !(await canMount()),
  async fn() {
    await using dir = await tempDir();
    await using disk = await smallDisk(64 * 1024);
    await using archive = await openDays(dir, { folder: disk.path });
    const { store, days } = archive;
    await fillDay(archive, 0, 2000);
    await assert.rejects(days.run(DROP_HOT));
    assert.match(days.progress().failure!.reason, /No space left|no space|Could not write/i);
    const names = await filesIn(disk.path);
    assert.deepEqual(names.filter((name) => name.endsWith(".partial")), []);
    await fillDay({ store, maker: new BatchMaker("beta", FIRST_DAY) }, 4);
    const before = await contents(store);
    assert.ok(
      (await new Deno.Command("mount", {
        args: ["-o", "remount,size=8m", disk.path],
      }).output()).success,
    );
    await days.run(DROP_HOT);
    assert.deepEqual(await contents(store), before);
    assert.equal(days.progress().failure, null);
  },
});

Deno.test("days roll over by the clock; what is not to be dropped yet is told", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir, { apply: false });
  const { store, days, clock } = archive;
  await fillDay(archive, 0);
  days.start();
  await until(() => clock.sleeping > 0);
  assert.equal(days.progress().lastAt, null);
  await clock.advance(60_000);
  await until(() => days.progress().lastAt !== null);
  assert.equal(days.progress().lines.filter(({ action }) => action === "copied").length, 2);
  const status = await daysStatus(days, store);
  assert.deepEqual(status.would_drop, { files: 2, rows: 20 });
  const [{ hot }] = await rows(store, "SELECT count(*) AS hot FROM hot_receipts");
  assert.equal(hot, 15);
  await fillDay(archive, 1);
  await until(() => clock.sleeping > 0);
  await clock.advance(3_600_000);
  await until(() => days.progress().counts.get("copied") === 4);
  // What comes late may come in drops: it is copied a day after the last copy.
  await fillDay({ store, maker: new BatchMaker("beta", FIRST_DAY) }, 0);
  const again = () => days.progress().counts.get("copied again") ?? 0;
  for (let hour = 1; hour <= 23; hour++) {
    const { lastAt } = days.progress();
    await until(() => clock.sleeping > 0);
    await clock.advance(3_600_000);
    await until(() => days.progress().lastAt !== lastAt);
  }
  assert.equal(again(), 0);
  await until(() => clock.sleeping > 0);
  await clock.advance(3_600_000);
  await until(() => again() === 1);
});

Deno.test("one rollover at a time; stopping ends the one under way, and no other begins", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  const { days } = archive;
  await fillDay(archive, 0);
  const first = days.run(DROP_HOT);
  await assert.rejects(days.run(DROP_HOT), Refusal);
  const ended = assert.rejects(first, /stops|[Ii]nterrupt/);
  await days[Symbol.asyncDispose]();
  await ended;
  assert.equal(days.progress().failure, null);
  await assert.rejects(days.run(DROP_HOT), /stops/);
});
