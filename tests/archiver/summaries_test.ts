/**
 * Summaries give the figures of the receipts: of made-up days on which everything happens that makes it hard. Messages
 * cross midnight, peers are shared and reconnect, a collector is started again, clocks differ, receipts come late.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { correctClocks } from "../../query_results/archive/clocks.ts";
import { findDelays } from "../../query_results/archive/delays.ts";
import { readFrame } from "../../query_results/archive/frame.ts";
import { readTable } from "../../query_results/archive/read_table.ts";
import { Summaries } from "../../query_results/archive/summaries.ts";
import { allQueries, DEFINITIONS } from "../../query_results/catalog/catalog.ts";
import { useParameters, type Window } from "../../query_results/catalog/parameters.ts";
import type { Query } from "../../query_results/catalog/query.ts";
import { findPatterns, foundTable } from "../../query_results/patterns/find.ts";
import { type Random, randomInteger, seededRandom } from "../../shared/random.ts";
import { rows } from "../support/fixtures/archive.ts";
import { plainMessage } from "../support/fixtures/batch_maker.ts";
import { at, type DayArchive, fillDay, openDays } from "../support/fixtures/day_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

const HOUR = 3600;
const DAYS = 4;
const PEERS = 8;
/** Trends show what summaries alone have. */
const SERVED = allQueries().filter(({ summaries, section }) =>
  summaries !== undefined && section !== "Trends"
);
const ROLL = { day: null, drop: null, apply: false } as const;

/** Windows of which summaries serve all or the middle; in seconds after the first day's begin. */
const WINDOWS: readonly (readonly [from: number, to: number] | null)[] = [
  null,
  [24 * HOUR, 72 * HOUR],
  [7 * HOUR, 65 * HOUR],
  [23.5 * HOUR, 48 * HOUR],
  [48 * HOUR, 72 * HOUR],
];

/** Rows of a few days as VALUES of tables. @param isWrong a third collector's clock, on the first morning, is. */
function madeUpDays(random: Random, isWrong: boolean): Record<string, string[]> {
  const whole = (below: number) => randomInteger(random, below);
  const instant = (second: number) => `make_timestamptz(${at(0, 0) + Math.round(second * 1e6)})`;
  const tables: Record<string, string[]> = {
    collectors: ["(1, 'alpha')", "(2, 'beta')", "(3, 'gamma')"],
    peers: Array.from({ length: PEERS }, (_, i) => `(${i + 1}, '02${String(i).repeat(64)}')`),
    epochs: [],
    sessions: [],
    hot_messages: [],
    hot_receipts: [],
    clock_samples: [],
    stalls: [],
  };
  const end = DAYS * 24 * HOUR;
  // Alpha is killed half an hour before the second midnight and started again after it.
  const runs = [
    { epoch: 1, collector: 1, from: 100, to: 47.5 * HOUR },
    { epoch: 2, collector: 1, from: 48.2 * HOUR, to: end },
    { epoch: 3, collector: 2, from: 5 * HOUR, to: 80 * HOUR },
    ...isWrong ? [{ epoch: 4, collector: 3, from: 2 * HOUR, to: 6 * HOUR }] : [],
  ];
  const sessions: { collector: number; epoch: number; peer: number; from: number; to: number }[] =
    [];
  for (const { epoch, collector, from, to } of runs) {
    tables.epochs.push(
      `(${epoch}, ${collector}, ${instant(from)}, 'v', 8, 1, 1, 1, ${instant(to)}, ${
        instant(to)
      }, ${collector === 3 ? instant(to) : "NULL"})`,
    );
    for (let second = from; second < to; second += 600) {
      const offset = (collector === 3 ? 400_000 : collector * 3000) + whole(500);
      tables.clock_samples.push(
        `(${epoch}, ${collector}, ${instant(second)}, ${offset}, ${100 + whole(50)})`,
      );
    }
    tables.stalls.push(
      `(${epoch}, ${collector}, ${instant(24 * HOUR - 2)}, ${instant(24 * HOUR + 1)})`,
    );
    for (let peer = 1; peer <= PEERS; peer++) {
      // Half of the peers are one collector's.
      if (peer % 4 === collector) continue;
      for (let start = from + whole(600); start < to;) {
        const stop = Math.min(to, start + HOUR * (1 + whole(40)));
        sessions.push({ collector, epoch, peer, from: start, to: stop });
        start = stop + whole(3 * HOUR);
      }
    }
  }
  sessions.forEach(({ collector, epoch, peer, from, to }, i) => {
    const close = epoch === 1 && to === runs[0].to ? "NULL, NULL" : `${instant(to)}, 'peer'`;
    tables.sessions.push(
      `(${i}, ${epoch}, ${i}, ${collector}, ${peer}, 'a', ${instant(from)}, ${instant(from)}, ${
        instant(from)
      }, 0, '', ${close}` +
        ", NULL".repeat(17) + ")",
    );
  });
  for (let id = 1; id <= 400; id++) {
    const midnight = 24 * HOUR * (1 + whole(3));
    const first = id % 3 === 0 ? random.next() * end : midnight + (random.next() - 0.7) * 2 * HOUR;
    const receipts: { at: number; text: string }[] = [];
    const heard = new Set<string>();
    for (const { collector, epoch, peer, from, to } of sessions) {
      const times = random.next() < 0.7 ? 1 : random.next() < 0.5 ? 0 : 2;
      for (let k = 0; k < times; k++) {
        const scale = random.next();
        const delay = scale < 0.05 ? 30 * HOUR : scale < 0.2 ? 5000 : scale < 0.6 ? 300 : 20;
        const second = Math.max(first + random.next() * delay, scale < 0.03 ? from + 5 : 0);
        if (second < from || second >= to || second >= end) continue;
        const key = `${epoch} ${peer}`;
        const isRepeat = heard.has(key) && random.next() < 0.9;
        heard.add(key);
        const isWarmup = second < from + 600 || random.next() < 0.02;
        receipts.push({
          at: second,
          text: `(${instant(second)}, ${id}, ${peer}, ${collector}, ${isRepeat}, ${isWarmup})`,
        });
      }
    }
    if (receipts.length === 0) continue;
    const seen = Math.min(...receipts.map(({ at }) => at));
    const type = id % 50 === 0 ? 65535 : 256 + id % 3;
    const own = type === 256 || id % 7 === 0
      ? "NULL"
      : instant(seen - (id % 11 === 0 ? 2 * HOUR : 60));
    const about = type === 257
      ? `NULL, NULL, '03${String(id % 4).repeat(64)}'`
      : `${1 + id % 20}, ${id % 2}, NULL`;
    tables.hot_messages.push(
      // All are in the sample of pairs' messages.
      `(${id}, from_hex('0' || substr(sha256('${id}'), 2)), ${type}, ${
        100 + id % 9
      }, 'valid', ${about}, ${own}, 'c${id % 5}'::BLOB, ` +
        `${instant(seen)}, NULL)`,
    );
    tables.hot_receipts.push(...receipts.map(({ text }) => text));
  }
  return tables;
}

async function fill({ store }: DayArchive, seed: number, isWrong = false): Promise<void> {
  const tables = madeUpDays(seededRandom(seed), isWrong);
  await store.change(async (connection) => {
    for (const [table, values] of Object.entries(tables)) {
      await connection.run(`INSERT INTO ${table} VALUES ${values.join(", ")}`);
    }
  });
}

/** A query's rows. */
async function ask(
  connection: DuckDBConnection,
  query: Query,
  window: Window,
  summaries: Summaries,
  settings = {},
) {
  const parameters = useParameters(query, window, settings);
  await summaries.useFor(query, parameters, window);
  return (await readTable(connection, query.sql, window, parameters)).rows;
}

/** What the frame and all queries that may read summaries say of each window, and how many days these served in it. */
function answers({ store }: DayArchive, windows: typeof WINDOWS, reachShare = "0.5") {
  return store.beside(async (connection) => {
    await connection.run(DEFINITIONS);
    const summaries = await Summaries.find(connection, await correctClocks(connection));
    const found: unknown[] = [];
    const served: number[] = [];
    for (const window of windows) {
      const wanted = window === null ? {} : { from: at(0, window[0]), to: at(0, window[1]) };
      const frame = await readFrame(connection, wanted, summaries);
      served.push(await summaries.use(frame.window));
      found.push(frame);
      const settings = { reach_share: reachShare };
      for (const query of SERVED) {
        found.push([query.name, await ask(connection, query, frame.window, summaries, settings)]);
      }
      await summaries.use(null);
      const patterns = foundTable(await findPatterns(connection, frame.window, summaries));
      found.push(["patterns", patterns.rows]);
      for (const table of ["pattern_messages", "pattern_origins", "pattern_events"]) {
        const rows = await connection.runAndReadAll(`FROM ${table} ORDER BY ALL`);
        found.push([table, rows.getRowsJson()]);
      }
    }
    return { found, served };
  });
}

Deno.test("summaries give the figures of the receipts, wherever these are and the window ends", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir, { keep_files: 86_400_000 });
  await fill(archive, 1);
  const expected = await answers(archive, WINDOWS);
  assert.deepEqual(expected.served, [0, 0, 0, 0, 0]);
  await archive.days.run(ROLL);
  const rolled = await answers(archive, WINDOWS);
  assert.deepEqual(rolled.served, [4, 2, 1, 1, 1]);
  assert.deepEqual(rolled.found, expected.found);
  await archive.days.run({ ...ROLL, drop: "hot", apply: true });
  await Deno.remove(dir.join("days/traffic_days/2025/09/27/traffic_days_2025-09-27.parquet"));
  const torn = await answers(archive, WINDOWS);
  assert.deepEqual(torn.served, [3, 1, 0, 0, 1]);
  assert.deepEqual(torn.found, expected.found);
  const some = WINDOWS.slice(2, 3);
  // A share that summaries do not serve, and that as many messages reach.
  assert.deepEqual(
    (await answers(archive, some)).found,
    (await answers(archive, some, "0.4999999")).found,
  );
  const days = [WINDOWS[1], WINDOWS[4]];
  const before = await answers(archive, days, "0.4999999");
  // Messages stay when receipts are dropped; only patterns of peers need these.
  await archive.days.run(ROLL);
  await archive.days.run({ ...ROLL, drop: "files", apply: true });
  const kept = ({ found }: { found: unknown[] }) =>
    found.filter((item) => !(Array.isArray(item) && item[0] === "patterns"));
  assert.deepEqual(kept(await answers(archive, days)), kept(before));
});

Deno.test("trends have of each finished day what is found of it from its receipts", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  await fill(archive, 1);
  const window = { from: at(0, 0), to: at(DAYS, 0) };
  const columns: Record<string, [of: string, column: number][]> = {
    trend_delay: [0, 1, 2, 5, 7, 9, 10].map((column) => ["convergence_delay", column]),
    trend_messages: [0, 1, 2, 3, 4, 7].map((column) => ["message_totals", column]),
    trend_differences: [0, 1, 2, 4, 6, 8, 9, 10].map((column) => ["pair_differences", column]),
  };
  const query = (name: string) => allQueries().find((query) => query.name === name)!;
  const read = (rows: (connection: DuckDBConnection, name: string) => Promise<unknown[]>) =>
    archive.store.beside(async (connection) => {
      await connection.run(DEFINITIONS);
      const found = [];
      for (const name of Object.keys(columns)) found.push(await rows(connection, name));
      return found;
    });
  const expected = await read(async (connection, name) => {
    const receipts = await Summaries.find(connection, [{ from: -Infinity, to: Infinity }]);
    const found = [];
    for (let day = 0; day < DAYS; day++) {
      const own = { from: at(day, 0), to: at(day + 1, 0) };
      const [[of]] = columns[name];
      const rows = await ask(connection, query(of), own, receipts);
      found.push(...rows.map((row) => [
        ...["finished days", own.from, own.to].map(String),
        ...columns[name].map(([, column]) => row[column]),
      ]));
    }
    return found;
  });
  await archive.days.run(ROLL);
  const trends = await read(async (connection, name) => {
    const rows = await ask(connection, query(name), window, await Summaries.find(connection, []));
    return rows.map(([set, from, to, ...rest]) => [...[set, from, to].map(String), ...rest]);
  });
  assert.deepEqual(trends, expected);
  assert.deepEqual(trends.map(({ length }) => length > 0), [true, true, true]);
});

Deno.test("a wrong clock sends queries to receipts on the days around what it stamped alone", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  await fill(archive, 1, true);
  const expected = await answers(archive, WINDOWS);
  assert.equal((expected.found[0] as { movedClocks: number }).movedClocks, 1);
  await archive.days.run(ROLL);
  const rolled = await answers(archive, WINDOWS);
  assert.deepEqual(rolled.served, [2, 1, 0, 0, 1]);
  assert.deepEqual(rolled.found, expected.found);
});

Deno.test("what comes late, or a file that is gone, sends queries to receipts until the summaries are made again", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir, { keep_files: 86_400_000 });
  const { store, days, maker } = archive;
  for (const day of [0, 1, 2, 3]) await fillDay(archive, day);
  await days.run(ROLL);
  const whole = WINDOWS.slice(0, 1);
  const served = async () => (await answers(archive, whole)).served[0];
  assert.equal(await served(), 4);

  const [session, number] = [maker.session(7, at(2, 50_000)), maker.message(plainMessage(9999))];
  maker.receipt(at(2, 50_001), number, session);
  await store.commit([maker.close()]);
  assert.equal(await served(), 2, "the late day and the one after it are read from receipts");
  const expected = (await answers(archive, whole)).found;
  await days.run(ROLL);
  assert.equal(await served(), 4);
  assert.deepEqual((await answers(archive, whole)).found, expected);

  await Deno.remove(dir.join("days/traffic_days/2025/09/27/traffic_days_2025-09-27.parquet"));
  assert.equal(await served(), 3);
  assert.deepEqual((await answers(archive, whole)).found, expected);
  await days.run(ROLL);
  assert.equal(await served(), 4);

  // Once receipts are dropped, the summaries are all there is.
  await days.run({ ...ROLL, drop: "hot", apply: true });
  await days.run({ ...ROLL, drop: "files", apply: true });
  const [{ left }] = await rows(
    store,
    "SELECT count(DISTINCT received_at::DATE) AS left FROM receipts",
  );
  assert.ok(Number(left) < 4);
  assert.deepEqual((await answers(archive, whole)).found, expected);
});

Deno.test("delays found piece by piece are those found at once", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  await fill(archive, 1);
  const window = { from: at(0, 0), to: at(4, 0) };
  const found = await archive.store.beside(async (connection) => {
    await connection.run(DEFINITIONS);
    const tables: unknown[][] = [];
    for (const mostReceipts of [Infinity, 500, 1]) {
      const options = { reachShare: 0.5, capSeconds: 3600, includeWarmup: false, mostReceipts };
      await findDelays(connection, "found", window, window.to, options);
      tables.push((await connection.runAndReadAll("FROM found ORDER BY message_id")).getRowsJson());
    }
    return tables;
  });
  assert.ok(found[0].length > 100, `${found[0].length} messages`);
  assert.deepEqual(found[1], found[0]);
  assert.deepEqual(found[2], found[0]);
});
