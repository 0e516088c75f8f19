// Summaries of finished days: what they take at roll-over, beside the Parquet copy, and how fast queries over a month and a
// year of them are. The days of these are generated: each is a rolled-over tenth of the real run ten times over, on another
// date, its receipts dropped.

import { Days } from "../../archiver/days/days.ts";
import { SUMMARIES } from "../../archiver/days/layout.ts";
import { migrate } from "../../archiver/store/migrations.ts";
import { Store } from "../../archiver/store/store.ts";
import { correctClocks } from "../../query_results/archive/clocks.ts";
import { readFrame } from "../../query_results/archive/frame.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { readTable } from "../../query_results/archive/read_table.ts";
import { Summaries } from "../../query_results/archive/summaries.ts";
import { DEFINITIONS, selectQueries } from "../../query_results/catalog/catalog.ts";
import { useParameters } from "../../query_results/catalog/parameters.ts";
import { systemClock } from "../../shared/clock.ts";
import { systemRandom } from "../../shared/random.ts";
import { DAY_US, dayOf } from "../../shared/time.ts";
import { DuckDBInstance } from "@duckdb/node-api";
import { tempDir } from "../support/temp_dir.ts";
import { type Benchmark, type BenchmarkOptions, type Figure, figure, median } from "./figure.ts";
import { makePlannedArchive } from "./planned_archive.ts";
import { wholeRun } from "./whole_run/runs.ts";

const MEMORY_LIMIT_BYTES = 1024 ** 3;
const TIMES = 10;
const PEERS = 978;
const QUERIES = ["convergence_delay", "peers_per_message", "message_totals"];
const FIRST_DAY_US = 1_704_067_200_000_000;

interface Rolled {
  readonly copySeconds: number;
  readonly summarySeconds: number;
  readonly receiptsBytes: number;
  readonly summaryBytes: number;
}

/** Rolls an archive's days over; the files go to `folder`. */
async function rollOver(path: string, folder: string): Promise<Rolled> {
  const options = { path, memoryLimitBytes: MEMORY_LIMIT_BYTES, threads: 2 };
  await using store = await Store.open(options, { clock: systemClock, random: systemRandom });
  let begunAt = 0;
  let summarisedFrom = 0;
  const onStep = (step: string) => {
    if (step === "summary: begun") summarisedFrom = performance.now();
  };
  const keep = { keep_hot: null, keep_files: null, apply: false };
  await using days = new Days(
    { folder, after: 0, ...keep, memoryLimitBytes: MEMORY_LIMIT_BYTES },
    { store, clock: systemClock, onStep },
  );
  await days.recover();
  begunAt = performance.now();
  const lines = await days.run({ day: null, drop: null, apply: false });
  const bytes = (of: string) =>
    lines.filter(({ table }) => table === of).reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    copySeconds: (summarisedFrom - begunAt) / 1000,
    summarySeconds: (performance.now() - summarisedFrom) / 1000,
    receiptsBytes: bytes("receipts"),
    summaryBytes: bytes("summaries"),
  };
}

/** Makes an archive of `count` days at `path` from the summaries in `source`. @param times rows of message_days, in tenths. */
async function generate(
  path: string,
  source: string,
  folder: string,
  count: number,
  times: number,
): Promise<void> {
  const instance = await DuckDBInstance.create(path, { threads: "2", memory_limit: "1GiB" });
  const connection = await instance.connect();
  await migrate(connection, path);
  const run = (sql: string) => connection.run(sql);
  await run("INSERT INTO collectors VALUES (1, 'bench')");
  for (const [i, { name, columns }] of SUMMARIES.entries()) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
    const scaled = (column: string) => {
      if (column === "day" || column === "first_day" || column.endsWith("_at")) {
        return `${column} + to_days(CAST($day AS INTEGER)) - (day - to_timestamp(${
          FIRST_DAY_US / 1e6
        })) AS ${column}`;
      }
      if (column === "message_id") {
        return `message_id + 1000000 * ($day * ${times} + n) AS message_id`;
      }
      const isSum =
        !["type", "part", "peer_id", "collector_id", "quarters_am", "quarters_pm"].includes(
          column,
        ) &&
        !(column === "peers" && name === "traffic_days") && name !== "pair_days";
      return isSum && name !== "message_days" ? `${column} * ${TIMES} AS ${column}` : column;
    };
    const copies = name === "message_days" ? times : 1;
    for (let day = 0; day < count; day++) {
      const file = `${folder}/${name}/${day}.parquet`;
      const select = Object.keys(columns).map(scaled).join(", ").replaceAll("$day", String(day));
      await run(
        `COPY (SELECT ${select} FROM read_parquet('${source}/${name}/**/*.parquet'), range(${copies}) t(n)
        ORDER BY ALL) TO '${file}' (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION V2)`,
      );
      const date = `DATE '${dayOf(FIRST_DAY_US + day * DAY_US)}'`;
      await run(
        `INSERT INTO day_files SELECT ${
          i * 1000 + day
        }, '${name}', ${date}, 0, 'cold', '${file}', now(), now(), 1, now(),
        now(), 1, '', now(), now(), NULL`,
      );
    }
  }
  await run(`INSERT INTO summary_days
    SELECT CAST(day AS DATE), lag(CAST(day AS DATE)) OVER (ORDER BY day), min(first_at), max(last_at), true
    FROM read_parquet('${folder}/peer_days/*.parquet') GROUP BY day`);
  await run(`INSERT INTO sessions
    SELECT row_number() OVER (), 1, row_number() OVER (), 1, p, '', b, b, b, 0, '', b + INTERVAL 20 HOUR, 'peer', '',
      ${Array(16).fill("NULL").join(", ")}
    FROM range(${PEERS}) t(p), (SELECT make_timestamptz(${FIRST_DAY_US} + d * ${DAY_US}) AS b FROM range(${count}) t(d))`);
  connection.closeSync();
  instance.closeSync();
}

/** Seconds of frame and queries, as a report reads them; and the receipts they count. */
async function ask(path: string): Promise<{ seconds: number; receipts: number }> {
  using archive = await openArchive(path, { threads: 2, memoryLimit: "3GiB" });
  const { connection } = archive;
  const begin = performance.now();
  await connection.run(DEFINITIONS);
  const summaries = await Summaries.find(connection, await correctClocks(connection));
  const { window, receipts } = await readFrame(connection, {}, summaries);
  for (const query of selectQueries(QUERIES)) {
    const parameters = useParameters(query, window);
    await summaries.useFor(query, parameters, window);
    const { rows } = await readTable(connection, query.sql, window, parameters);
    if (rows.length === 0) throw new Error(`${query.name} found nothing`);
  }
  return { seconds: (performance.now() - begin) / 1000, receipts };
}

async function* run({ repeat, full, progress }: BenchmarkOptions): AsyncGenerator<Figure> {
  await using dir = await tempDir();
  const path = dir.join("tenth.duckdb");
  progress("making a tenth of the real run's day");
  await makePlannedArchive(path, wholeRun(false, Date.now()));
  const rolled: Rolled[] = [];
  for (let i = 0; i < repeat; i++) {
    const copy = dir.join(`copy${i}.duckdb`);
    await Deno.copyFile(path, copy);
    progress("rolling its day over");
    rolled.push(await rollOver(copy, dir.join(`days${i}`)));
    await Deno.remove(copy);
  }
  const times = (part: (rolled: Rolled) => number) => rolled.map(part);
  yield figure("a tenth of a day summarised", times((r) => r.summarySeconds), "s");
  const seconds = median(times((r) => r.summarySeconds / r.copySeconds));
  yield figure("summaries' time / the Parquet copy's", [seconds], "ratio", {
    sense: "<=",
    limit: 0.5,
  });
  const bytes = median(times((r) => r.summaryBytes / r.receiptsBytes));
  yield figure("summaries' bytes / the receipts' Parquet", [bytes], "ratio", {
    sense: "<=",
    limit: 0.03,
  });
  for (const [count, limit] of [[30, 2], [365, 15]]) {
    const archive = dir.join(`${count}.duckdb`);
    const isFull = full || count === 30;
    progress(`generating ${count} days`);
    await generate(archive, dir.join("days0"), dir.join(`${count}`), count, isFull ? TIMES : 1);
    const runs = [];
    let receipts = 0;
    for (let i = 0; i < repeat; i++) {
      const asked = await ask(archive);
      runs.push(asked.seconds);
      receipts = asked.receipts;
    }
    const size = isFull ? "" : ", message_days a tenth of full size";
    const what = `convergence, reach, totals and the frame over ${count} generated days (${
      (receipts / 1e9).toFixed(1)
    } G receipts${size})`;
    yield figure(what, runs, "s", { sense: "<=", limit });
  }
}

/** See the module. */
export const summariesBenchmark: Benchmark = {
  name: "summaries",
  what:
    "summaries of finished days: time and bytes at roll-over, queries over 30 and 365 generated days",
  run,
};
