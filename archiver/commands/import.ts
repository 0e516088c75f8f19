// `deno task archive import`: takes over what another observer recorded.

import { dirname } from "node:path";
import { openDatabase } from "../../query_results/archive/database.ts";
import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { systemRandom } from "../../shared/random.ts";
import { systemClock } from "../../shared/clock.ts";
import { expectPermitted, readNeeds } from "../../shared/sandbox.ts";
import { standardOutput } from "../../shared/terminal.ts";
import { countsTable, isAccounted } from "../import/finish.ts";
import { countDirections, lookAt, runImport } from "../import/run.ts";
import { importLogs, logFiles, lookAtLogs } from "../import/logs.ts";
import { importStore } from "../import/stores.ts";
import { Store } from "../store/store.ts";
import { Database } from "../store/database.ts";
import type { ArchiverConfig } from "../config.ts";
import { ARCHIVE_FLAGS, archiveConfig } from "./flags.ts";
import { RowsProgress } from "./rows_progress.ts";

const EXIT_MISFIT = 1;
const EXIT_STOPPED = 1;

/** The sandbox of `deno task archive` has no /data. */
const OPENED = "deno run --quiet --no-prompt -P=archiver " +
  "--allow-read=archive,archiver.yaml,/data archiver/main.ts";

/** 16 of DuckDB's row groups: some 150 MiB while they are joined. */
const DEFAULT_ROWS_PER_COMMIT = 1_966_080;

export const importCommand: Subcommand = subcommand({
  name: "deno task archive import",
  summary:
    "Import data of the first Gossip Observer or its successor, or logs and a gossip_store of Core\n" +
    "Lightning and LND. Stop the archiver first.",
  details:
    "The source is a folder: what EXPORT DATABASE made of the first observer's DuckDB file\n" +
    "(messages.parquet, metadata.parquet and timings.parquet, each a file or a folder of files), or\n" +
    "the successor's daily files (TABLE/YYYY/MM/DD/TABLE_YYYY-MM-DD.parquet). Imports are resumable:\n" +
    "run the same command again to continue, or to add files that came since. A file that changed\n" +
    "since it was imported is refused.\n" +
    "\n" +
    "Column encodings are detected and listed; unknown ones are refused. Skipped rows are counted by\n" +
    "reason, such as a timing whose message is not in the source.\n" +
    "- dir: only incoming rows (1) are receipts; outgoing ones (2) are counted and skipped.\n" +
    "- Timestamps without a time zone are UTC.\n" +
    "- The export of 2025 kept no signatures. Zero bytes stand in for them, so only the SHA-256 of its\n" +
    "  messages is wrong. Signatures are never checked.\n" +
    "- Each collector and peer gets one session, from the first receipt to the last.\n" +
    "- is_warmup marks backlog by the message's own timestamp only: connection times are unknown.\n" +
    "- inner_hash, orig_timestamp, size, orig_node and scid are derived from the bytes instead.\n" +
    "\n" +
    "A source that is a file, or a pattern with * in quotes, is a log: Core Lightning's io log or LND's\n" +
    "at PEER=trace, compressed or not. Its receipts become those of the collector PREFIXimported.\n" +
    "Each file is one run, and one that is imported twice changes nothing. Signatures are checked.\n" +
    "\n" +
    "A gossip_store (versions 9 to 16) has messages without peers: none becomes a receipt. It fills in\n" +
    "texts that the archive lacks, and its channels prove updates that nothing proved before.\n" +
    "\n" +
    "Exit status: 1 if counts in and out differ, or if stopped.",
  flags: {
    from: {
      value: "SOURCE",
      help: "the source folder, log files or a gossip_store",
      required: true,
    },
    zone: { value: "ZONE", help: "time zone of LND's logs, such as Europe/Berlin", default: "UTC" },
    ...ARCHIVE_FLAGS,
    "collector-prefix": { value: "TEXT", help: "prefix for the names of its collectors" },
    "rows-per-commit": {
      type: "number",
      value: "ROWS",
      help: "rows of timings in one transaction",
      default: DEFAULT_ROWS_PER_COMMIT,
      min: 1,
      max: 100_000_000,
    },
    "dry-run": { type: "boolean", help: "only list what is there and how it would be read" },
  },
  examples: [
    "--from /data/dump_0926T195046 --dry-run",
    "--from /data/dump_0926T195046 --archive archive/2025.duckdb",
    "--from /data/gossip-observer-data --collector-prefix successor-",
    "--from '/data/lnd.log*' --zone Europe/Berlin --collector-prefix alice-",
  ].map((flags) => `${OPENED} \\\n      import ${flags}`),
}, async (flags) => {
  const { from, "collector-prefix": prefix = "", "rows-per-commit": rowsPerCommit } = flags;
  const needs = readNeeds({ "--from": from.includes("*") ? dirname(from) : from });
  const isLog = async () =>
    from.includes("*") || (await Deno.stat(from).catch(() => null))?.isFile === true;
  if (flags["dry-run"]) {
    expectPermitted(needs, "archiver");
    return await isLog() ? await lookAtFiles(from) : await look(from);
  }
  const config = await archiveConfig(flags, true, needs);
  const path = config.archive;
  if (await isLog()) return await fromLogs(from, prefix, flags.zone, config);
  const database = await Database.open({
    path,
    memoryLimitBytes: config.memory_limit,
    threads: config.threads,
  });
  const progress = new RowsProgress(standardOutput());
  try {
    const outcome = await runImport({
      connection: database.writing,
      folder: from,
      prefix,
      rowsPerCommit,
      clock: systemClock,
      say: console.log,
      onProgress: (rows) => progress.show(rows),
      signal: stopSignal(),
    }).finally(() => progress.end());
    await database.checkpoint();
    if (outcome.status === "stopped") {
      console.log("import: stopped; run the same command to continue");
      return EXIT_STOPPED;
    }
    if (outcome.status === "unchanged") {
      console.log(`import: nothing new: ${path} already has all of it`);
      return 0;
    }
    console.log(countsTable(outcome.counts));
    const fits = outcome.counts.every(isAccounted);
    console.log(`import: finished counts=${fits ? "fit" : "DIFFER"} archive=${path}`);
    return fits ? 0 : EXIT_MISFIT;
  } finally {
    await database.close();
  }
});

async function lookAtFiles(from: string): Promise<void> {
  for (const { file, kind, begins } of await lookAtLogs(await logFiles(from))) {
    console.log(`${file}: ${kind}${begins === "" ? "" : `, from ${begins}`}`);
  }
  console.log("import: dry run, nothing was written");
}

/** Logs go the way of collectors' batches. */
async function fromLogs(
  from: string,
  prefix: string,
  zone: string,
  { archive: path, memory_limit: memoryLimitBytes, threads }: ArchiverConfig,
): Promise<number> {
  const files = await logFiles(from);
  const options = { path, memoryLimitBytes, threads };
  await using store = await Store.open(options, { clock: systemClock, random: systemRandom });
  const isWhole = await importLogs({
    files,
    collector: `${prefix}imported`,
    zone,
    async commit(batches) {
      const outcomes = await store.commit(batches);
      return { committed: outcomes.filter(({ status }) => status === "committed").length };
    },
    takeStore: (bytes, judge) => importStore(bytes, store, judge),
    say: console.log,
    signal: stopSignal(),
  });
  if (isWhole) console.log(`import: finished archive=${path}`);
  else console.log("import: stopped; run the same command to continue");
  return isWhole ? 0 : EXIT_STOPPED;
}

async function look(folder: string): Promise<void> {
  using database = await openDatabase();
  const { connection } = database;
  const { source, encodings } = await lookAt(connection, folder, console.log);
  for (const line of await countDirections(connection, source, encodings)) {
    console.log(`  timings of ${line}`);
  }
  console.log("import: dry run, nothing was written");
}
