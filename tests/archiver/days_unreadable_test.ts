/** Cold files that are not there, or not whole: told, and waited for by the batches that need them. */
import assert from "node:assert/strict";
import { Intake } from "../../archiver/intake/intake.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { INTAKE_LIMITS, rows } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { at, contents, fillDay, FIRST_DAY, openDays } from "../support/fixtures/day_archive.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const DROP = { day: null, drop: "hot", apply: true } as const;

const HARMS: readonly (readonly [
  what: "missing" | "damaged",
  name: string,
  harm: (path: string) => Promise<void>,
])[] = [
  ["missing", "gone", (path) => Deno.remove(path)],
  ["damaged", "empty", (path) => Deno.truncate(path)],
  ["damaged", "cut short", async (path) => Deno.truncate(path, (await Deno.stat(path)).size >> 1)],
];
for (const [what, name, harm] of HARMS) {
  Deno.test(`a batch that tells a message of a cold file again waits while the file is ${name}`, async () => {
    await using dir = await tempDir();
    const parquet = dir.join("days/messages/2025/09/26/messages_2025-09-26.parquet");
    {
      await using archive = await openDays(dir);
      await fillDay(archive, 0);
      await archive.days.run(DROP);
    }
    const whole = await Deno.readFile(parquet);
    await harm(parquet);
    const maker = new BatchMaker("beta", FIRST_DAY);
    await using archive = await openDays(dir, {}, { maker });
    const { store, days } = archive;
    const { missing, damaged } = days.progress().unreadable;
    assert.deepEqual([missing, damaged], what === "missing" ? [[parquet], []] : [[], [parquet]]);
    await using intake = new Intake(
      { maxReceipts: 1000, maxWaitMs: 0, limits: INTAKE_LIMITS },
      { store, clock: systemClock },
    );
    maker.receipt(at(4, 1), maker.message(plainMessage(1)), maker.session(1));
    const outcome = intake.submit(encodeBatch(maker.close()), "test");
    await until(() => intake.status().failure !== null);
    assert.ok(intake.status().failure!.reason.startsWith(`cannot read ${parquet}: `));
    assert.equal(intake.status().batches, 1);

    await Deno.writeFile(parquet, whole);
    assert.deepEqual(await outcome, { status: "committed", resend: null });
    assert.equal(intake.status().failure, null);
    const [{ letters }] = await rows(store, "SELECT count(*) AS letters FROM dead_letters");
    assert.equal(letters, 0);
    assert.equal((await contents(store)).length, 15 + 1 + 5);
  });
}
