// The Postgres endpoint: against DuckDB without it, against a real PostgreSQL, and beside commits.

import pg from "pg";
import { Intake } from "../../archiver/intake/intake.ts";
import { Store } from "../../archiver/store/store.ts";
import { systemClock } from "../../shared/clock.ts";
import { systemRandom } from "../../shared/random.ts";
import { INTAKE_LIMITS } from "../support/fixtures/archive.ts";
import { BatchMaker } from "../support/fixtures/batch_maker.ts";
import { makeEmptyArchive } from "../support/fixtures/query_archive.ts";
import { freePort } from "../support/servers/free_port.ts";
import { type Endpoint, startEndpoint } from "../support/servers/postgres_endpoint.ts";
import { startPostgres } from "../support/servers/postgres_server.ts";
import { startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { delaysDuring, fillDay } from "./analytics.ts";
import { type Benchmark, type BenchmarkOptions, type Figure, figure, median } from "./figure.ts";
import { rss } from "./process_cost.ts";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const RECEIPTS = 4_000_000;
const FULL_RECEIPTS = 40_000_000;
/** How fast messages spread, by type: what the archive is for. */
const AGGREGATE = `SELECT m.type, count(*) AS receipts, count(DISTINCT r.peer_id) AS peers,
  quantile_cont(epoch(r.received_at - m.first_seen), 0.5) AS median_delay
  FROM receipts r JOIN messages m USING (message_id) GROUP BY m.type ORDER BY m.type`;
const ROWS = "SELECT * FROM receipts LIMIT 1000000";
const CLIENTS = 8;
const HEAVY_MILLISECONDS = 30_000;
const QUIET_MILLISECONDS = 10_000;
/** What takes the most of memory, time and the wire. */
const HEAVY = [
  `SELECT count(*) FROM (SELECT message_id, received_at - min(received_at) OVER (PARTITION BY message_id) AS delay
    FROM receipts) d WHERE delay > INTERVAL '1 second'`,
  "SELECT count(DISTINCT (message_id, peer_id)) FROM receipts",
  `SELECT message_id, array_agg(peer_id ORDER BY received_at) AS peers FROM receipts GROUP BY message_id
    ORDER BY count(*) DESC LIMIT 100`,
  "SELECT * FROM receipts",
];

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

async function psql({ env }: Endpoint, command: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("psql", { args: ["-X", "-c", command], env })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** All values of a query's rows, as JavaScript has them. */
function readDirectly(store: Store, sql: string): Promise<number> {
  return store.beside(async (connection) => {
    const result = await connection.stream(sql);
    let rows = 0;
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return rows;
      rows += chunk.getRows().length;
    }
  });
}

async function firstRow(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query("SELECT count(*) FROM collectors");
  await client.end();
}

async function ratios(
  store: Store,
  endpoint: Endpoint,
  { repeat, progress }: BenchmarkOptions,
): Promise<Figure[]> {
  const client = new pg.Client({ connectionString: endpoint.url });
  await client.connect();
  const aggregate: number[] = [], rows: number[] = [], connects: number[] = [];
  await using server = await startPostgres();
  await server.query("CREATE TABLE collectors (collector_id INTEGER, name TEXT)");
  await client.query(AGGREGATE);
  for (let i = 0; i < repeat; i++) {
    const through: number[] = [], directly: number[] = [];
    for (let k = 0; k < 3; k++) {
      through.push(await milliseconds(() => client.query(AGGREGATE)));
      directly.push(await milliseconds(() => readDirectly(store, AGGREGATE)));
    }
    aggregate.push(median(through) / median(directly));
    progress(`an aggregate: ${Math.round(median(through))} and ${Math.round(median(directly))} ms`);
    const copied = await milliseconds(() =>
      psql(endpoint, `\\copy (${ROWS}) TO '/dev/null' WITH (FORMAT binary)`)
    );
    rows.push(copied / await milliseconds(() => readDirectly(store, ROWS)));
    const ours: number[] = [], theirs: number[] = [];
    for (let k = 0; k < 10; k++) {
      ours.push(await milliseconds(() => firstRow(endpoint.url)));
      theirs.push(await milliseconds(() => firstRow(server.url)));
    }
    connects.push(median(ours) / median(theirs));
  }
  await client.end();
  const atMost = (limit: number) => ({ sense: "<=", limit }) as const;
  return [
    figure("an aggregate through the endpoint, over DuckDB's", aggregate, "times", atMost(1.2)),
    figure("a million rows in binary, over DuckDB's as values", rows, "times", atMost(3)),
    figure("connect to first row, over PostgreSQL's", connects, "times", atMost(5)),
  ];
}

/** Commit delays while eight clients run the heaviest queries, one after another. */
async function beside(store: Store, endpoint: Endpoint): Promise<Figure[]> {
  await using intake = new Intake(
    { maxReceipts: 491_520, maxWaitMs: 50, limits: INTAKE_LIMITS },
    { store, clock: systemClock, onCommit: () => {} },
  );
  const maker = new BatchMaker("live", systemClock.now());
  const quiet = await delaysDuring(intake, maker, systemClock.sleep(QUIET_MILLISECONDS));
  const end = performance.now() + HEAVY_MILLISECONDS;
  let finished = 0;
  const ends: string[] = [];
  const work = Array.from({ length: CLIENTS }, async (_, i) => {
    for (let k = i; performance.now() < end; k++) {
      const sql = HEAVY[k % HEAVY.length];
      const command = sql === HEAVY[3]
        ? `\\copy (${sql}) TO '/dev/null'`
        : sql.replace(/\s+/g, " ");
      await psql(endpoint, command).then(() => finished++, (error) => ends.push(error.message));
    }
  });
  const { delays } = await delaysDuring(intake, maker, Promise.all(work));
  if (ends.length > 0) console.error(`${ends.length} statements ended early: ${ends[0]}`);
  const at = (share: number, of = delays) => of[Math.ceil(share * of.length) - 1] / 1000;
  return [
    figure("commit delay without clients, p99", [at(0.99, quiet.delays)], "s"),
    figure("commit delay beside eight clients, median", [at(0.5)], "s"),
    figure("commit delay beside eight clients, p99", [at(0.99)], "s", { sense: "<=", limit: 2 }),
    figure("heavy statements finished meanwhile", [finished], "statements"),
  ];
}

/** Resident memory of an idle archiver, after a client's first query where it serves any. */
async function idleMemory(isOn: boolean): Promise<number> {
  await using dir = await tempDir();
  const [api, port] = [freePort(), freePort()];
  const config = dir.join("archiver.yaml");
  const path = dir.join("gossip.duckdb");
  await makeEmptyArchive(path);
  const folders = `days: {folder: ${dir.path}/days}\nsnapshots: {folder: ${dir.path}/snapshots}\n`;
  const group = isOn ? `postgres: {listen: "127.0.0.1:${port}"}\n` : "";
  await Deno.writeTextFile(config, `archive: ${path}\napi: {port: ${api}}\n${folders}${group}`);
  // The second start finds the catalogue made.
  for (const isFirst of isOn ? [true, false] : [false]) {
    await using archiver = startProgram("archiver/main.ts", ["--config", config], ["-A"]);
    await archiver.waitForLine(/Archiving into/);
    if (isFirst) continue;
    await systemClock.sleep(5000);
    return await rss(archiver.pid) / MIB;
  }
  return NaN;
}

/** The endpoint's figures. */
export const postgresBenchmark: Benchmark = {
  name: "postgres",
  what:
    "the Postgres endpoint over DuckDB alone and over PostgreSQL, its memory, and commits beside it",
  async *run(options) {
    const { full, progress } = options;
    await using dir = await tempDir();
    const path = dir.join("bench.duckdb");
    const receipts = full ? FULL_RECEIPTS : RECEIPTS;
    progress(`making a day of ${receipts.toLocaleString("en")} receipts`);
    await makeEmptyArchive(path, (connection) => fillDay(connection, receipts));
    await using store = await Store.open({ path, memoryLimitBytes: 2 * GIB, threads: 2 }, {
      clock: systemClock,
      random: systemRandom,
    });
    await using endpoint = await startEndpoint(store, { statement_timeout: "30s" });
    progress("ratios");
    yield* await ratios(store, endpoint, options);
    progress("commits beside eight clients");
    yield* await beside(store, endpoint);
    progress("memory");
    const [on, off] = [await idleMemory(true), await idleMemory(false)];
    yield figure("memory of the idle endpoint", [on - off], "MiB", { sense: "<=", limit: 400 });
  },
};
