// How long commits take while a set of queries runs in the same process, and while none does.

import type { DuckDBConnection } from "@duckdb/node-api";
import { AnalyticsConfigSchema } from "../../archiver/analytics/config.ts";
import { runSet } from "../../archiver/analytics/run_set.ts";
import { windowAt } from "../../archiver/analytics/schedule.ts";
import { Intake } from "../../archiver/intake/intake.ts";
import { Store } from "../../archiver/store/store.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { parseConfig } from "../../shared/config.ts";
import { systemRandom } from "../../shared/random.ts";
import { INTAKE_LIMITS } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { makeEmptyArchive } from "../support/fixtures/query_archive.ts";
import { tempDir } from "../support/temp_dir.ts";
import { type Benchmark, type Figure, figure } from "./figure.ts";

/** The day that is queried, and what each of its messages has: as many receipts as there are peers. */
const DAY = "2025-09-26";
const PEERS = 500;
/** The real run's day has 40 times as many, in whole 800. */
const RECEIPTS = 4_000_000;
const FULL_RECEIPTS = 160_000_000;
/** Ten times the real run's rate comes in meanwhile. */
const COMMIT_EVERY_MILLISECONDS = 100;
const COMMIT_RECEIPTS = 2000;
const COMMIT_MESSAGES = 20;
/** As the archiver's config has it by default. */
const COMMIT_AT_RECEIPTS = 491_520;
const COMMIT_WAIT_MILLISECONDS = 50;
/** How long commits are watched without queries. */
const QUIET_MILLISECONDS = 20_000;
const GIB = 1024 ** 3;

/** Batches that came at regular times: from when each was due to when it was on disk, in ms, ascending. */
export type CommitDelays = readonly number[];

/** Posts a batch every now and then until `work` is done; gives how long the batches took, and what work gave. */
export async function delaysDuring<T>(
  intake: Intake,
  maker: BatchMaker,
  work: Promise<T>,
): Promise<{ delays: CommitDelays; result: T }> {
  let isDone = false;
  const end = work.finally(() => isDone = true);
  // Its error is the caller's, below.
  end.catch(() => {});
  const delays: number[] = [];
  const posts: Promise<void>[] = [];
  for (let due = performance.now(); !isDone; due += COMMIT_EVERY_MILLISECONDS) {
    const wait = due - performance.now();
    if (wait > 0) await systemClock.sleep(wait);
    // Due when it was due, though this process had no time for it then.
    const post = intake.submit(encodeBatch(nextBatch(maker)), "bench").then(({ status }) => {
      if (status !== "committed") throw new Error(`a batch was ${status}`);
      delays.push(performance.now() - due);
    });
    posts.push(post);
  }
  await Promise.all(posts);
  return { delays: delays.sort((a, b) => a - b), result: await end };
}

/** A batch of new messages, each from many peers. */
function nextBatch(maker: BatchMaker): ReturnType<BatchMaker["close"]> {
  const session = maker.session(maker.number % PEERS);
  const now = systemClock.now();
  for (let i = 0; i < COMMIT_MESSAGES; i++) {
    const message = maker.message(plainMessage(maker.number * COMMIT_MESSAGES + i, 150));
    for (let k = 0; k < COMMIT_RECEIPTS / COMMIT_MESSAGES; k++) {
      maker.receipt(now - 1000 * (i + k), message, session);
    }
  }
  return maker.close();
}

/** A day of receipts: each message at each peer, 100 ms apart. */
export async function fillDay(connection: DuckDBConnection, receipts: number): Promise<void> {
  const start = `TIMESTAMPTZ '${DAY} 00:00:00+00'`;
  const messages = receipts / PEERS;
  const firstSeen = `${start} + to_microseconds(m * ${Math.floor(86_300e6 / messages)})`;
  for (
    const sql of [
      "INSERT INTO collectors VALUES (1, 'bench')",
      `INSERT INTO epochs VALUES (1, 1, ${start}, '1', ${PEERS}, 1, ${receipts}, ${receipts}, ${start}, ${start}, NULL)`,
      `INSERT INTO peers SELECT p, '02' || printf('%064d', p) FROM range(1, ${PEERS + 1}) r(p)`,
      `INSERT INTO sessions (session_id, epoch_id, number, collector_id, peer_id, address, dialled_at, handshake_at,
        filter_at, filter_first, features)
      SELECT p, 1, p, 1, p, '192.0.2.1:9735', ${start}, ${start}, ${start}, 0, '' FROM range(1, ${
        PEERS + 1
      }) r(p)`,
      `INSERT INTO hot_messages SELECT m + 1, from_hex(sha256(m::TEXT)), 256 + m % 3, 140, 'valid', m % 40000, m % 2,
        '02' || printf('%064d', m % 15000), ${firstSeen}, from_hex(md5((m % 100000)::TEXT)), ${firstSeen}, ''::BLOB
      FROM range(${messages}) r(m)`,
      `INSERT INTO hot_receipts SELECT ${firstSeen} + to_microseconds(p * 100000), m + 1, p + 1, 1, false, false
      FROM range(${messages}) r(m), range(${PEERS}) q(p)`,
    ]
  ) await connection.run(sql);
}

/** Measures both: without a run, and while the day is queried. */
export async function measureCommitDelays(
  receipts: number,
  progress: (line: string) => void,
): Promise<{ quiet: CommitDelays; busy: CommitDelays; runSeconds: number }> {
  await using dir = await tempDir();
  const path = dir.join("bench.duckdb");
  progress(`making a day of ${receipts.toLocaleString("en")} receipts`);
  await makeEmptyArchive(path, (connection) => fillDay(connection, receipts));
  await using store = await Store.open({ path, memoryLimitBytes: GIB, threads: 2 }, {
    clock: systemClock,
    random: systemRandom,
  });
  const config = {
    sets: [{ name: "bench", folder: dir.join("reports") }],
    work_folder: dir.join("work"),
    run_timeout: "24h",
    query_timeout: "2h",
    max_copy: "64GiB",
  };
  const checked = parseConfig(JSON.stringify(config), AnalyticsConfigSchema, "bench");
  await using intake = new Intake(
    { maxReceipts: COMMIT_AT_RECEIPTS, maxWaitMs: COMMIT_WAIT_MILLISECONDS, limits: INTAKE_LIMITS },
    { store, clock: systemClock, onCommit: () => {} },
  );
  const [set] = checked.sets;
  const window = windowAt(set, Date.parse(`${DAY}T00:00:00Z`) * 1000 + set.window * 1000);
  const maker = new BatchMaker("live", systemClock.now());
  progress("commits alone");
  const quiet = await delaysDuring(intake, maker, systemClock.sleep(QUIET_MILLISECONDS));
  progress("commits while the queries run");
  const begin = performance.now();
  const tell = (line: string) =>
    progress(`${((performance.now() - begin) / 1000).toFixed(1)} s: ${line}`);
  const run = runSet(
    checked,
    set,
    window,
    { store, clock: systemClock },
    new AbortController().signal,
    ({ step }) => tell(step),
  );
  const { delays, result } = await delaysDuring(intake, maker, run);
  if (result.end.outcome === "failed") throw new Error(result.end.error);
  const runSeconds = (result.finishedAt - result.startedAt) / 1e6;
  return { quiet: quiet.delays, busy: delays, runSeconds };
}

function delayFigures(what: string, delays: CommitDelays): Figure[] {
  const at = (share: number) => delays[Math.ceil(share * delays.length) - 1] / 1000;
  const bar = { sense: "<=", limit: 2 } as const;
  return [
    figure(`commit delay ${what}, median`, [at(0.5)], "s"),
    figure(`commit delay ${what}, p99`, [at(0.99)], "s", bar),
    figure(`commit delay ${what}, most`, [at(1)], "s"),
  ];
}

/** Commit delays with and without a scheduled run in the same process. */
export const analyticsBenchmark: Benchmark = {
  name: "analytics",
  what: "commit delay while all queries run in the archiver's process, and while none does",
  run: async ({ full, progress }) => {
    const receipts = full ? FULL_RECEIPTS : RECEIPTS;
    const { quiet, busy, runSeconds } = await measureCommitDelays(receipts, progress);
    return [
      ...delayFigures("without a scheduled run", quiet),
      ...delayFigures("during a scheduled run", busy),
      figure("a scheduled run", [runSeconds], "s"),
    ];
  },
};
