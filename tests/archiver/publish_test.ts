/** Finished days in a bucket: whole or not at all, also when their publisher is killed, and the same as the archive. */
import assert from "node:assert/strict";
import { openArchive } from "../../query_results/archive/open.ts";
import { ROOT_KEY } from "../../query_results/archive/published.ts";
import { SUMMARY_NAMES } from "../../query_results/archive/summaries.ts";
import { daysStatus } from "../../archiver/days/status.ts";
import { rows } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import {
  at,
  contents,
  type DayArchive,
  filesIn,
  fillDay,
  fillMidnight,
  openDays,
} from "../support/fixtures/day_archive.ts";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import {
  answersOf,
  contentsOf,
  DAYS,
  fetchFrom,
  publishTo,
  summarisedDays,
} from "../support/fixtures/published_days.ts";
import { fakeS3 } from "../support/servers/s3_server.ts";
import { startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";

const COPY = { day: null, drop: null, apply: false } as const;
const DROP_HOT = { day: null, drop: "hot", apply: true } as const;
const DROP_FILES = { day: null, drop: "files", apply: true } as const;

const actions = (lines: readonly { action: string; day: string; table: string }[]) =>
  lines.filter(({ table }) => table === "all").map(({ action, day }) => `${action} ${day}`);

Deno.test("published days come back as they were; what is late is published anew, and nothing twice", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  const folder = dir.join("fetched");
  {
    await using archive = await openDays(dir, { publish: publishTo(server) });
    for (const day of [0, 1, 2]) await fillDay(archive, day);
    // Heard again on the second day.
    await fillDay({ store: archive.store, maker: archive.maker }, 0, 2);
    const lines = await archive.days.run(COPY);
    assert.deepEqual(actions(lines), DAYS.slice(0, 3).map((day) => `published ${day}`));
    const { requests } = server;
    assert.deepEqual(actions(await archive.days.run(COPY)), []);
    assert.equal(server.requests, requests + 1, "an idle pass reads the list alone");
    await archive.days.run(DROP_HOT);
    const fetched = await fetchFrom(server.bucket("a"), folder);
    assert.deepEqual([fetched.days, fetched.missing], [DAYS.slice(0, 3), DAYS.slice(3)]);
    await fillDay(archive, 1, 3);
    await fillDay(archive, 3);
    const again = await archive.days.run(DROP_HOT);
    assert.deepEqual(actions(again), [`published again ${DAYS[1]}`, `published ${DAYS[3]}`]);
    await fetchFrom(server.bucket("a"), folder);
  }
  assert.deepEqual(await contentsOf(folder), await contentsOf(dir.join("a.duckdb")));
  const names = await filesIn(folder);
  assert.ok(names.includes("receipts/2025/09/26/receipts_2025-09-26.parquet"), names.join("\n"));
  assert.ok(names.includes("receipts/2025/09/27/receipts_2025-09-27.json"), names.join("\n"));
  assert.deepEqual(names.filter((name) => name.endsWith(".partial")), []);
  // A day on its own has the older messages that it names.
  await fetchFrom(server.bucket("a"), dir.join("one"), [DAYS[1]]);
  const one = await contentsOf(dir.join("one"));
  const all = await contentsOf(folder);
  const ofDay = all.filter((line) => {
    const time = Number(line.split(" ")[0]);
    return time >= at(1, 0) && time < at(2, 0);
  });
  assert.ok(ofDay.length > 0);
  assert.deepEqual(one.filter((line) => Number(line.split(" ")[0]) > 1e12), ofDay);
});

Deno.test("what came late changes the summaries of later days: these are published again, and read when all are there", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  const bucket = server.bucket("a");
  const maker = new BatchMaker("alpha", at(0, 0));
  const inArchive = async (work: (archive: DayArchive) => Promise<unknown>) => {
    await using archive = await openDays(dir, { publish: publishTo(server) }, { maker });
    await work(archive);
  };
  const says = async (folder: string, summarised: number) => {
    const [path, queries] = [dir.join("a.duckdb"), ["message_totals", "peers_per_message"]];
    const ofArchive = await answersOf(path, dir, "archive", queries);
    assert.deepEqual(await answersOf(dir.join(folder), dir, "folder", queries), ofArchive);
    assert.equal(await summarisedDays(dir.join(folder)), summarised);
  };
  let fillLate = async (_: DayArchive) => {};
  await inArchive(async (archive) => {
    for (const day of [0, 1, 2]) await fillDay(archive, day);
    fillLate = await fillMidnight(archive);
    await archive.days.run(COPY);
  });
  await fetchFrom(bucket, dir.join("fetched"));
  await says("fetched", 3);
  // Killed between the two days.
  server.doorman = ({ method, url }) =>
    method === "PUT" && url.endsWith(`${DAYS[1]}.json`)
      ? new Response(null, { status: 403 })
      : null;
  await inArchive(async (archive) => {
    await fillLate(archive);
    await assert.rejects(archive.days.run(COPY), /refuses the keys/);
  });
  await fetchFrom(bucket, dir.join("halfway"));
  await says("halfway", 0);
  server.doorman = () => null;
  await inArchive(async ({ days }) => {
    assert.deepEqual(actions(await days.run(COPY)), [
      `published again ${DAYS[0]}`,
      `published again ${DAYS[1]}`,
    ]);
    assert.deepEqual(actions(await days.run(COPY)), []);
  });
  const { outdated } = await fetchFrom(bucket, dir.join("fetched"), DAYS.slice(0, 1));
  assert.deepEqual(outdated, [DAYS[1]]);
  await says("fetched", 1);
  assert.deepEqual((await fetchFrom(bucket, dir.join("fetched"))).outdated, []);
  await says("fetched", 3);
});

Deno.test("what came late of a message in another day's file, from a new collector and peer, is there for readers", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  {
    await using archive = await openDays(dir, { publish: publishTo(server) });
    const { clock, days, store } = archive;
    for (const day of [0, 1, 2]) await fillDay(archive, day);
    await days.run(DROP_HOT);
    await clock.advance(1000);
    const late = new BatchMaker("beta", at(0, 0));
    const number = late.message(plainMessage(1001));
    late.verdict(number, "valid");
    late.receipt(at(0, 86_200), number, late.session(12, at(0, 0)));
    await store.commit([late.close()]);
    const again = await days.run(DROP_HOT);
    assert.deepEqual(actions(again), DAYS.slice(0, 2).map((day) => `published again ${day}`));
  }
  await fetchFrom(server.bucket("a"), dir.join("fetched"));
  const found = await contentsOf(dir.join("fetched"));
  assert.ok(found.some((line) => line.includes(" valid ") && line.endsWith(` ${at(0, 86_200)}`)));
  assert.deepEqual(found, await contentsOf(dir.join("a.duckdb")));
});

Deno.test("all queries say the same of a fetched day as of its archive", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  await makeQueryArchive(dir.join("a.duckdb"));
  const before = await answersOf(dir.join("a.duckdb"), dir, "before");
  {
    await using archive = await openDays(dir, { publish: publishTo(server) });
    assert.deepEqual(actions(await archive.days.run(DROP_HOT)), ["published 2025-01-01"]);
  }
  await fetchFrom(server.bucket("a"), dir.join("fetched"), ["2025-01-01"]);
  const after = await answersOf(dir.join("fetched"), dir, "after");
  assert.deepEqual(after, await answersOf(dir.join("a.duckdb"), dir, "rolled over"));
  // Trends show days once they are finished.
  const trends = ["trend_delay", "trend_messages", "trend_differences"].map((name) =>
    [name, before.get(name)!] as const
  );
  assert.deepEqual(new Map([...after, ...trends]), before);
  using fetched = await openArchive(dir.join("fetched"));
  const summaries =
    "SELECT count(*)::INTEGER, (SELECT count(*)::INTEGER FROM day_files) FROM summary_days";
  const reader = await fetched.connection.runAndReadAll(summaries);
  assert.deepEqual(reader.getRows(), [[1, SUMMARY_NAMES.length]], "summaries come along");
});

Deno.test("retention keeps files until they are published; a bucket out of reach is one line", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  await using archive = await openDays(dir, { keep_files: 0, publish: publishTo(server) });
  const { days, store } = archive;
  await fillDay(archive, 0);
  const before = await contents(store);
  server.doorman = () => new Response("<Error><Code>NoSuchBucket</Code></Error>", { status: 404 });
  await assert.rejects(days.run(DROP_HOT), /has no bucket gossip; create it, or correct its name/);
  assert.equal((await rows(store, "SELECT count(*) AS hot FROM hot_receipts"))[0].hot, 0);
  const lines: string[] = [];
  await assert.rejects(
    days.run(DROP_FILES, ({ action, reason }) => lines.push(`${action}: ${reason}`)),
  );
  assert.deepEqual(lines, ["kept: not published: the bucket could not be read"]);
  assert.match((await daysStatus(days, store)).failure!.reason, /has no bucket gossip/);
  assert.deepEqual(await contents(store), before);
  server.doorman = () => null;
  assert.deepEqual(actions(await days.run(DROP_HOT)), [`published ${DAYS[0]}`]);
  const dropped = await days.run(DROP_FILES);
  assert.deepEqual(dropped.map(({ action, table }) => `${action} ${table}`), [
    "dropped from disk receipts",
  ]);
  assert.deepEqual(actions(await days.run(COPY)), [], "it stays published");
});

Deno.test("a day is taken back for good; another archive's prefix and damaged files are left alone", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  const bucket = server.bucket("a");
  {
    await using archive = await openDays(dir, { publish: publishTo(server) });
    const { days } = archive;
    await fillDay(archive, 0);
    await fillDay(archive, 1);
    await days.run(COPY);
    await fetchFrom(bucket, dir.join("earlier"));
    const taken = await days.run({ day: DAYS[0], drop: "published", apply: true });
    assert.deepEqual(actions(taken), [`withdrawn ${DAYS[0]}`]);
    assert.deepEqual(actions(await days.run(COPY)), []);
    const fetched = await fetchFrom(bucket, dir.join("fetched"));
    assert.deepEqual(fetched.days, [DAYS[1]]);
    const { withdrawn, outdated } = await fetchFrom(bucket, dir.join("earlier"), [DAYS[1]]);
    assert.deepEqual([withdrawn, outdated], [[DAYS[0]], []]);
    assert.deepEqual(await contentsOf(dir.join("earlier")), await contentsOf(dir.join("fetched")));
    assert.equal(await bucket.text(`receipts/2025/09/26/receipts_2025-09-26.json`, 1e6), null);
    await fillDay(archive, 2);
    // Copied, then damaged before it is published.
    const path = dir.join(`days/receipts/2025/09/28/receipts_2025-09-28.parquet`);
    server.doorman = (request) => {
      if (request.url.endsWith(ROOT_KEY)) Deno.writeTextFileSync(path, "x", { append: true });
      return null;
    };
    const damaged = (await days.run(COPY)).filter(({ action }) => action === "kept");
    assert.match(
      damaged[0].reason!,
      /not published: .*receipts_2025-09-28.parquet has another SHA-256 or size than was recorded/,
    );
    server.doorman = () => null;
  }
  await using other = await tempDir();
  await using archive = await openDays(other, { publish: publishTo(server) });
  await fillDay(archive, 0);
  await assert.rejects(
    archive.days.run(COPY),
    /s3:\/\/gossip\/a holds the days of another archive \(archive\); give this one a prefix of its own/,
  );
});

const KILLS = 20;

Deno.test("SIGKILL at 20 points of a publication: no half day is ever visible, and none is lost", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  {
    await using archive = await openDays(dir);
    for (const day of [0, 1]) await fillDay(archive, day);
    await archive.days.run(COPY);
  }
  const bucket = server.bucket("a");
  const config = dir.join("a.yaml");
  const days = { folder: dir.join("days"), publish: publishTo(server) };
  await Deno.writeTextFile(config, JSON.stringify({ archive: dir.join("a.duckdb"), days }));
  const args = ["rollover", "--offline", "--config", config];
  const start = () => startProgram("archiver/main.ts", args, ["-A", "--quiet"]);
  const points = new Set<string>();
  for (let kill = 0; kill < KILLS; kill++) {
    await using program = start();
    // At its first change of the bucket; every fourth time before it is done, else after it and before the answer.
    let isKilled = false;
    server.doorman = async (request, pass) => {
      if (request.method !== "PUT") return null;
      if (!isKilled) {
        isKilled = true;
        points.add(new URL(request.url).pathname);
        if (kill % 4 !== 0) await pass();
        await program.kill();
      }
      return new Response(null, { status: 503 });
    };
    assert.equal((await program.wait()).signal, "SIGKILL");
    server.doorman = () => null;
    if (await bucket.text(ROOT_KEY, 1e6) === null) continue;
    // Throws unless all files of each day that shows are there, with the sums of their index.
    await fetchFrom(bucket, dir.join("fetched"));
  }
  // All but those before their change are points of their own.
  assert.ok(points.size >= KILLS * 3 / 4, [...points].join("\n"));
  await using program = start();
  assert.ok((await program.wait()).success, program.lines.join("\n"));
  const fetched = await fetchFrom(bucket, dir.join("whole"));
  assert.deepEqual(fetched.days, DAYS.slice(0, 2));
  assert.deepEqual(await contentsOf(dir.join("whole")), await contentsOf(dir.join("a.duckdb")));
});
