/** Scheduled analytics with a real archive and a real worker, on a clock in the test's hand. */
import assert from "node:assert/strict";
import { Analytics } from "../../archiver/analytics/analytics.ts";
import type { AnalyticsConfig, QuerySet } from "../../archiver/analytics/config.ts";
import type { SetStatus } from "../../archiver/analytics/status.ts";
import type { Store } from "../../archiver/store/store.ts";
import { Refusal } from "../../shared/errors.ts";
import { systemClock } from "../../shared/clock.ts";
import { openArchive, rows } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const DAY = 86_400_000;
const at = (text: string) => Date.parse(text) * 1000;
/** Shortly before the archive's first day is due. */
const EVENING = at("2025-01-01T23:30:00Z");

const DAILY: QuerySet = {
  name: "daily",
  cron: "30 0 * * *",
  window: DAY,
  folder: "reports",
  keep: 10,
  only: ["message_totals", "active_peers", "trend_messages"],
  settings: { bin_seconds: "1000" },
  reference: false,
};

/** A config whose folders are in `dir`. */
function configOf(
  dir: TempDir,
  changes: Partial<AnalyticsConfig> = {},
  sets: Partial<QuerySet>[] = [{}],
): AnalyticsConfig {
  return {
    sets: sets.map((set) => ({ ...DAILY, folder: dir.join("reports"), ...set })),
    work_folder: dir.join("work"),
    max_copy: 2 ** 30,
    threads: 1,
    memory_limit: 2 ** 28,
    query_timeout: 60_000,
    run_timeout: 3_600_000,
    rows_kept: 3,
    catch_up: 2,
    settle: 0,
    ...changes,
  };
}

/** An archive with receipts of 2025-01-01. */
async function openFilled(dir: TempDir): Promise<Store> {
  await makeQueryArchive(dir.join("gossip.duckdb"));
  return await openArchive(dir.join("gossip.duckdb"));
}

async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
}

const RUNS = `SELECT r.set_name, CAST(r.window_from AS DATE)::TEXT AS day, r.outcome,
    (SELECT count(*)::INTEGER FROM analytics_queries q WHERE q.run_id = r.run_id) AS queries,
    (SELECT count(*)::INTEGER FROM analytics_results v WHERE v.run_id = r.run_id) AS "values"
  FROM analytics_runs r ORDER BY r.run_id`;

/** The one set's status, once `holds`. */
async function statusWhen(
  analytics: Analytics,
  holds: (status: SetStatus) => boolean,
): Promise<SetStatus> {
  const get = () => analytics.status().sets[0];
  await until(() => holds(get()), () => JSON.stringify(analytics.status(), null, 2));
  return get();
}

Deno.test("a set is run when it is due: a report, rows in the archive, and nothing left beside them", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  const clock = new ManualClock(EVENING);
  await using analytics = await Analytics.start(configOf(dir), { store, clock });
  await until(() => clock.sleeping === 1);
  const before = analytics.status().sets[0];
  assert.deepEqual([before.last, before.waiting, before.missed], [null, [], []]);
  assert.equal(before.next_at, "2025-01-02T00:30:00.000000Z");

  await clock.advance(59 * 60_000);
  assert.equal(analytics.status().sets[0].running, null);
  await clock.advance(60_000);
  const { last, next_at, ...after } = await statusWhen(analytics, ({ last }) => last !== null);
  assert.equal(next_at, "2025-01-03T00:30:00.000000Z");
  assert.deepEqual([after.runs, after.failures, after.waiting, after.missed], [1, 0, [], []]);
  assert.deepEqual(last, {
    window: "2025-01-01",
    outcome: "done",
    started_at: "2025-01-02T00:30:00.000000Z",
    seconds: 0,
    folder: await Deno.realPath(dir.join("reports", "2025-01-01")),
    error: null,
  });
  assert.deepEqual(await names(dir.join("reports")), ["2025-01-01"]);
  assert.deepEqual(
    await names(dir.join("reports", "2025-01-01")),
    [...DAILY.only!.flatMap((query) => [`${query}.csv`, `${query}.svg`]), "index.html"].sort(),
  );
  assert.deepEqual(await names(dir.join("work")), []);
  const [run] = await rows(store, RUNS);
  assert.deepEqual([run.set_name, run.day, run.outcome, run.queries], [
    "daily",
    "2025-01-01",
    "done",
    4,
  ]);
  // The window is the whole day, not from the first receipt to the last.
  const kept = await rows(
    store,
    `SELECT value_time, value_number FROM analytics_results
    WHERE query = 'message_totals' AND row_number = 1 AND column_name IN ('start_time', 'receipts')
    ORDER BY column_name`,
  );
  assert.deepEqual(kept.map(Object.values), [[null, 15], ["2025-01-01T00:00:00.000000Z", null]]);
  // 86 bins and more; three rows are kept, and counted.
  const [bins] = await rows(
    store,
    "SELECT result_rows, kept_rows FROM analytics_queries WHERE query = 'active_peers'",
  );
  assert.deepEqual([Number(bins.result_rows) > 80, bins.kept_rows], [true, 3]);
});

Deno.test("what was missed is made up for, the newest first; what is too long ago is told", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  using log = new CapturedLog();
  const start = (now: number) =>
    Analytics.start(configOf(dir), { store, clock: new ManualClock(now) });
  {
    await using analytics = await start(at("2025-01-03T12:00:00Z"));
    await statusWhen(analytics, ({ runs, running }) => runs === 2 && running === null);
  }
  assert.deepEqual((await rows(store, RUNS)).map(({ day }) => day), ["2025-01-02", "2025-01-01"]);
  await using later = await start(at("2025-01-07T12:00:00Z"));
  assert.equal(later.status().sets[0].last?.window, "2025-01-01");
  const { missed } = await statusWhen(later, ({ runs, running }) => runs === 2 && running === null);
  assert.deepEqual(missed, ["2025-01-04", "2025-01-03"]);
  assert.equal(log.lines("missed and too old to catch up").length, 1);
  assert.deepEqual(await names(dir.join("reports")), [
    "2025-01-01",
    "2025-01-02",
    "2025-01-05",
    "2025-01-06",
  ]);
  assert.deepEqual(
    await rows(
      store,
      "SELECT max(value_number)::INTEGER AS n FROM analytics_results WHERE query = 'frame'",
    ),
    [{ n: 5 }],
  );
});

Deno.test("two sets are run one after the other, and one on demand is refused meanwhile", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  const sets = [{}, { name: "short", window: DAY / 4, cron: "0 */6 * * *", keep: 1 }];
  const config = configOf(dir, { catch_up: 2 }, sets);
  const clock = new ManualClock(at("2025-01-02T07:00:00Z"));
  await using analytics = await Analytics.start(config, { store, clock });
  await statusWhen(analytics, ({ running }) => running !== null);
  assert.equal(analytics.status().sets[1].running, null);
  await assert.rejects(
    analytics.runNow("short"),
    new Refusal("a run is under way; one at a time"),
  );
  await until(() => analytics.status().sets[1].runs === 2 && clock.sleeping === 1);
  // Of the short windows one report is kept, the newest of those that were written last.
  assert.deepEqual(await names(dir.join("reports")), ["2025-01-01", "2025-01-02T00-00Z_6h"]);

  // Again, though it is done: its rows and its report are replaced.
  const before = await rows(store, RUNS);
  const again = await analytics.runNow("daily", "2025-01-01");
  assert.equal(again.end.outcome, "done");
  const after = await rows(store, RUNS);
  assert.equal(after.length, before.length);
  assert.deepEqual(after.at(-1), before.find(({ set_name }) => set_name === "daily"));

  for (
    const [name, day, why] of [
      ["weekly", undefined, /no such set; .* are: daily, short$/],
      ["daily", "2025-02-30", /should be a date such as 2026-11-22/],
      ["daily", "2025-01-02", /window 2025-01-02 is not over yet/],
    ] as const
  ) {
    await assert.rejects(analytics.runNow(name, day), (error) => {
      assert.ok(error instanceof Refusal);
      assert.match(error.message, why);
      return true;
    });
  }
});

Deno.test("a run that fails says why, keeps the old report, and is tried again when it is due again", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  const clock = new ManualClock(EVENING);
  await Deno.mkdir(dir.join("reports", "2025-01-01"), { recursive: true });
  await using analytics = await Analytics.start(configOf(dir, { max_copy: 10 }), { store, clock });
  await clock.advance(3_600_000);
  const { last, waiting, failures } = await statusWhen(analytics, ({ last }) => last !== null);
  assert.equal(last?.outcome, "failed");
  assert.match(
    last?.error ?? "",
    /analytics.max_copy is 1 MiB; raise it, or choose a shorter window/,
  );
  assert.deepEqual([waiting, failures], [[], 1]);
  assert.deepEqual(await names(dir.join("reports")), ["2025-01-01"]);
  assert.deepEqual(await names(dir.join("work")), []);
  assert.deepEqual((await rows(store, RUNS)).map(({ outcome }) => outcome), ["failed"]);
  await until(() => clock.sleeping === 1);
  await clock.advance(23 * 3_600_000);
  assert.equal(analytics.status().sets[0].failures, 1);
  await clock.advance(3_600_000);
  // The day before, too.
  await statusWhen(analytics, ({ failures }) => failures === 3);
});

Deno.test("a query that takes too long fails its run, by name", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  await store.change(async (connection) => {
    await connection.run(
      "INSERT INTO hot_receipts SELECT make_timestamptz(1735700000000000 + range), range % 6 + 1, range % 5 + 1, 1, " +
        "false, false FROM range(500000)",
    );
  });
  const clock = new ManualClock(EVENING);
  const config = configOf(dir, { query_timeout: 1 }, [{
    only: ["delay_distribution"],
    settings: {},
  }]);
  await using analytics = await Analytics.start(config, { store, clock });
  await clock.advance(3_600_000);
  const { last } = await statusWhen(analytics, ({ last }) => last?.window === "2025-01-01");
  assert.equal(last?.error, "Query delay_distribution failed: it took more than 0.001 s");
});

Deno.test("stopping ends the run under way soon, and it is made when the archiver is back", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  // All queries, so that most are still to come after the first.
  const config = configOf(dir, {}, [{ only: undefined }]);
  const start = (script?: URL) =>
    Analytics.start(config, { store, clock: new ManualClock(EVENING + 3_600_000_000), script });
  // Held in its midst until it was told to stop, so that it cannot be through before.
  const first = await start(new URL("../support/fixtures/held_worker.ts", import.meta.url));
  await statusWhen(first, ({ running }) => running !== null && running.queries_done > 0);
  const stopped = first[Symbol.asyncDispose]();
  const [part] = await names(dir.join("reports"));
  await Deno.writeTextFile(dir.join("reports", part, "go"), "");
  await stopped;
  await first[Symbol.asyncDispose]();
  assert.deepEqual(await names(dir.join("reports")), []);
  assert.deepEqual(await names(dir.join("work")), []);
  assert.deepEqual(await rows(store, RUNS), []);
  await using second = await start();
  await statusWhen(second, ({ runs }) => runs === 1);
});

Deno.test("what a killed process left is cleared up before anything is run", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  await Deno.mkdir(dir.join("work", "run", "temp"), { recursive: true });
  await Deno.writeTextFile(dir.join("work", "run", "window.duckdb"), "half a copy");
  await Deno.mkdir(dir.join("reports", ".2024-12-30.part"), { recursive: true });
  await Deno.mkdir(dir.join("reports", ".2024-12-31.old"));
  await using _analytics = await Analytics.start(configOf(dir), {
    store,
    clock: new ManualClock(EVENING),
  });
  assert.deepEqual(await names(dir.join("work")), []);
  assert.deepEqual(await names(dir.join("reports")), ["2024-12-31"]);
});

Deno.test("wherever a second run of a window ends, its report and its rows are of one run", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  const [reports, place] = [dir.join("reports"), dir.join("reports", "2025-01-01")];
  const start = (time: string, change = store.change.bind(store)) => {
    const read = store.read.bind(store);
    const snapshot = store.snapshot.bind(store);
    const clock = new ManualClock(at(time));
    return Analytics.start(configOf(dir, { catch_up: 1 }), {
      store: { read, snapshot, change },
      clock,
    });
  };
  /** When the run that the rows are of finished; and whether the report is the first one, which gets a mark. */
  const state = async () => ({
    finished: (await rows(
      store,
      "SELECT epoch_us(finished_at)::BIGINT AS at FROM analytics_runs WHERE outcome = 'done'",
    )).map((row) => Number(row.at)),
    isFirst: (await names(place)).includes("mark"),
    beside: (await names(reports)).filter((name) => name.startsWith(".")),
  });
  const [first, second] = ["2025-01-02T01:00:00Z", "2025-01-02T02:00:00Z"];
  {
    await using analytics = await start(first);
    await statusWhen(analytics, ({ runs, running }) => runs === 1 && running === null);
  }
  await Deno.writeTextFile(`${place}/mark`, "");
  const old = { finished: [at(first)], isFirst: true, beside: [] };
  assert.deepEqual(await state(), old);

  // The archive does not take the rows.
  {
    await using analytics = await start(
      second,
      () => Promise.reject(new Error("the disk is full")),
    );
    const { end } = await analytics.runNow("daily", "2025-01-01");
    assert.deepEqual(end, { outcome: "failed", error: "the disk is full" });
  }
  assert.deepEqual(await state(), old);

  // The process ends before the rows are committed, then after it: what is on disk then is what is found.
  for (const isCommitted of [false, true]) {
    const then = dir.join(`then-${isCommitted}`);
    {
      let asked = 0;
      await using analytics = await start(second, async (work) => {
        if (asked++ > 0) return;
        if (isCommitted) await store.change(work);
        await copyTree(reports, then);
        throw new Error("the process ends");
      });
      await analytics.runNow("daily", "2025-01-01");
    }
    await Deno.remove(reports, { recursive: true });
    await Deno.rename(then, reports);
    assert.deepEqual((await state()).beside, [`.2025-01-01.${at(second)}.ready`]);
    await using _ = await start(second);
    assert.deepEqual(
      await state(),
      isCommitted ? { finished: [at(second)], isFirst: false, beside: [] } : old,
    );
  }
});

/** Copies a folder with all that is in it. */
async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for (const { name, isDirectory } of await Array.fromAsync(Deno.readDir(from))) {
    await (isDirectory ? copyTree : Deno.copyFile)(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test("a worker that hears nothing is ended, and no more is run", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  using log = new CapturedLog();
  const clock = new ManualClock(EVENING + 3_600_000_000);
  const script = new URL("../support/crash/hung_worker.ts", import.meta.url);
  await using analytics = await Analytics.start(configOf(dir), { store, clock, script });
  await statusWhen(analytics, ({ running }) => running?.step === "hung");
  // The run's time, then what it gets to stop.
  await clock.advance(3_600_000);
  await clock.advance(30_000);
  await until(() => analytics.status().halted !== null);
  assert.match(
    analytics.status().halted!,
    /^daily 2025-01-01 hung and could not be stopped; nothing runs until/,
  );
  assert.equal(log.lines("hung").length, 1);
  assert.deepEqual((await rows(store, RUNS)).map(({ outcome }) => outcome), ["failed"]);
  await assert.rejects(analytics.runNow("daily"), Refusal);
  await clock.advance(2 * DAY);
  assert.equal(analytics.status().sets[0].failures, 1);
});

Deno.test("what is due waits for what waited for the archiver, and for receipts that still come in", async () => {
  await using dir = await tempDir();
  const clock = new ManualClock(at("2025-09-27T12:00:00Z"));
  await using store = await openArchive(dir.join("gossip.duckdb"), { clock });
  const maker = new BatchMaker("alpha", at("2025-09-26T09:00:00Z"));
  const session = maker.session(1);
  const deliver = async (time: string) => {
    maker.receipt(at(time), maker.message(plainMessage(maker.number)), session);
    await store.commit([maker.close()]);
  };
  const config = configOf(dir, { settle: 300_000, catch_up: 1 });
  await using analytics = await Analytics.start(config, { store, clock });
  const isIdle = () => analytics.status().sets[0].running === null;
  await clock.advance(290_000);
  await deliver("2025-09-26T10:00:00Z");
  await clock.advance(10_000);
  await until(() => analytics.status().sets[0].waiting.length === 1 && clock.sleeping === 1);
  // More of that day comes, every half minute.
  for (const minute of ["10", "20", "30"]) {
    await deliver(`2025-09-26T23:${minute}:00Z`);
    await clock.advance(30_000);
    await until(() => clock.sleeping === 1);
    assert.ok(isIdle());
  }
  await deliver("2025-09-27T00:00:01Z");
  await clock.advance(30_000);
  const { last } = await statusWhen(analytics, ({ last }) => last !== null);
  assert.deepEqual([last?.window, last?.outcome], ["2025-09-26", "done"]);
  const [totals] = await rows(
    store,
    "SELECT value_number FROM analytics_results WHERE query = 'message_totals' AND column_name = 'receipts' LIMIT 1",
  );
  assert.equal(totals.value_number, 4);
});

Deno.test("a collector that never comes to a window's end holds its run up for an hour", async () => {
  await using dir = await tempDir();
  const clock = new ManualClock(at("2025-09-27T12:00:00Z"));
  await using store = await openArchive(dir.join("gossip.duckdb"), { clock });
  const maker = new BatchMaker("alpha", at("2025-09-26T09:00:00Z"));
  const config = configOf(dir, { catch_up: 1 });
  maker.session(1);
  await store.commit([maker.close()]);
  await using analytics = await Analytics.start(config, { store, clock });
  for (let halfMinutes = 0; halfMinutes < 120; halfMinutes++) {
    await until(() => clock.sleeping === 1);
    assert.equal(analytics.status().sets[0].last, null);
    maker.session(1);
    await store.commit([maker.close()]);
    await clock.advance(30_000);
  }
  await statusWhen(analytics, ({ last }) => last?.outcome === "done");
});

Deno.test("where nothing is to be run, nothing is touched", async () => {
  await using dir = await tempDir();
  await using store = await openFilled(dir);
  await using analytics = await Analytics.start(configOf(dir, {}, []), {
    store,
    clock: systemClock,
  });
  assert.deepEqual(analytics.status(), { halted: null, sets: [] });
  await assert.rejects(Deno.stat(dir.join("work")), Deno.errors.NotFound);
});
