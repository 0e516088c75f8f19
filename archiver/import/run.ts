// A whole import, or only a look at its source.
//
// What is assumed of a source beyond what is detected (`detect.ts`), from the programs of the first Gossip Observer and
// its successor:
//
// - A hash is the XXH3-64 of the text in `raw`, and means one message in all tables. The successor writes it and `scid`
//   as 8 bytes, least significant first.
// - `dir` is 1 for what a peer sent, and 2 for what was sent to it, mostly to serve its sync: no receipt. The first
//   observer had no such column, and recorded only what came in.
// - The first observer kept one row a message and peer; its successor keeps each, so that there are repeats.
// - `inner_hash`, `orig_timestamp`, `size`, `orig_node` and `scid` say nothing that the message's bytes do not say, and
//   are not taken; nor is the table `message_hashes`, which is only counted.
// - The successor's table `message_first_seen`, and a column `messages.first_seen` where there is one, count what went
//   out, too. Only a message that came without a receipt is dated by them.
// - The successor also has pings and pongs (types 4 and 5), which are no gossip.

import type { DuckDBConnection } from "@duckdb/node-api";
import type { Clock } from "../../shared/clock.ts";
import { grouped, printable } from "../../shared/text.ts";
import { rowsOf } from "../store/database.ts";
import { literals } from "../store/sql.ts";
import { outdateSummaries } from "../store/summaries.ts";
import {
  compareCounts,
  type Count,
  countNotTaken,
  countTimings,
  finishImport,
  forgetDates,
  isFinished,
  markRepeats,
} from "./finish.ts";
import { detectEncodings, type Encodings } from "./detect.ts";
import {
  type FileProgress,
  findImport,
  type ImportRun,
  openImport,
  pendingTimings,
} from "./ledger.ts";
import { countTyped, importMessages, importTyped } from "./messages.ts";
import {
  findParties,
  hasLate,
  importLateReceipts,
  importReceipts,
  prepareHashes,
  refuseOthers,
} from "./receipts.ts";
import { findSource, readParquet, type Source } from "./source.ts";

/** Messages decoded at once: 30 MiB. */
const MAX_MESSAGE_ROWS = 32_768;

export interface ImportOptions {
  readonly connection: DuckDBConnection;
  readonly folder: string;
  readonly prefix: string;
  readonly rowsPerCommit: number;
  readonly clock: Clock;
  readonly say: (line: string) => void;
  readonly onProgress: (progress: ImportProgress) => void;
  readonly signal: AbortSignal;
}

export interface ImportProgress {
  /** Rows, those of earlier runs included. */
  readonly done: number;
  readonly total: number;
  readonly what: string;
}

/** What became of an import. `stopped`: the same call goes on with it; `unchanged`: it was done before. */
export type ImportOutcome =
  | { readonly status: "stopped" }
  | { readonly status: "unchanged" }
  | { readonly status: "finished"; readonly counts: readonly Count[] };

/** Finds a source and lists what it is and how it is read. @throws {UserError} when it is none that can be read. */
export async function lookAt(
  connection: DuckDBConnection,
  folder: string,
  say: (line: string) => void,
): Promise<{ source: Source; encodings: Encodings }> {
  const source = await findSource(connection, folder);
  const { layout, files } = source;
  const kind = layout === "export" ? "a DuckDB export" : "daily Parquet files";
  say(`${source.folder}: ${kind}`);
  for (const [table, found] of Object.entries(files)) {
    if (found.length === 0) continue;
    const rows = found.reduce((sum, { rows }) => sum + rows, 0);
    const count = `${found.length} file${found.length === 1 ? "" : "s"}`;
    say(`  ${table}: ${grouped(rows)} rows in ${count}`);
  }
  const encodings = await detectEncodings(connection, source);
  say("Detected:");
  for (const [column, summary] of Object.entries(encodings.summary)) {
    say(`  ${column}: ${summary}`);
  }
  return { source, encodings };
}

/** Counts a source's timings by collector and direction, for a look before an import. */
export async function countDirections(
  connection: DuckDBConnection,
  { files }: Source,
  { inbound, receivedAt }: Encodings,
): Promise<string[]> {
  const lines = [];
  const rows = await rowsOf(
    connection,
    `SELECT collector, ${inbound.sql} AS inbound, count(*) AS count,
      CAST(min(${receivedAt.sql}) AS VARCHAR) AS first, CAST(max(${receivedAt.sql}) AS VARCHAR) AS last
    FROM ${readParquet(files.timings)} t
    GROUP BY ALL ORDER BY ALL`,
  );
  for (const { collector, inbound, count, first, last } of rows) {
    const direction = inbound === null ? "of unknown direction" : inbound ? "came in" : "went out";
    const rows = `${grouped(Number(count))} ${direction}`;
    lines.push(`${printable(String(collector))}: ${rows}, ${first} to ${last}`);
  }
  return lines;
}

/**
 * Imports a source, or what of it is not in the archive yet.
 * @throws {UserError} when the source cannot be read, changed since, or would be mixed up with what is there.
 */
export async function runImport(options: ImportOptions): Promise<ImportOutcome> {
  const { connection, folder, prefix, clock, say } = options;
  const { source, encodings } = await lookAt(connection, folder, say);
  const id = await findImport(connection, source);
  // Before anything is written.
  const pending = await pendingTimings(connection, id, source);
  const counted = await countTimings(connection, pending);
  const names = [...counted.keys()].map((name) => prefix + name);
  await refuseOthers(connection, id, `SELECT unnest(${literals(names)}::VARCHAR[]) AS name`);
  const into = await openImport(connection, id, source, encodings, prefix, clock.now());
  const run: ImportRun = { connection, source, encodings, into, clock };
  const isDone = await isFinished(run) && !await hasLate(run) && (await countTyped(run)).size === 0;
  if (isDone) return { status: "unchanged" };
  await outdateSummaries(connection, 0);
  const total = into.files.reduce((sum, { file }) => sum + file.rows, 0);
  const done = () => into.files.reduce((sum, { rowsDone }) => sum + rowsDone, 0);
  const show = (what: string) => options.onProgress({ done: done(), total, what });
  const finished = await importRows(run, options, show);
  if (!finished) return { status: "stopped" };
  const counts = await compareCounts(run, counted, pending.map(({ name }) => name));
  return { status: "finished", counts: [...counts, ...countNotTaken(source)] };
}

/** @returns false when it was stopped. */
async function importRows(
  run: ImportRun,
  { rowsPerCommit, signal }: ImportOptions,
  show: (what: string) => void,
): Promise<boolean> {
  const { connection, source, into } = run;
  const pending = (table: string) =>
    into.files.filter(({ file, rowsDone }) => file.table === table && rowsDone < file.rows);
  const eachChunk = async (progress: FileProgress, chunk: () => Promise<void>) => {
    while (progress.rowsDone < progress.file.rows && !signal.aborted) {
      await chunk();
      show(printable(progress.file.name));
    }
  };
  for (const progress of pending("messages")) {
    await eachChunk(progress, () => importMessages(run, progress, MAX_MESSAGE_ROWS));
  }
  if (signal.aborted) return false;
  await importTyped(run, MAX_MESSAGE_ROWS);
  await forgetDates(run);
  await importLateReceipts(
    run,
    (file) => show(`receipts of ${printable(file.name)} whose messages came late`),
  );
  if (signal.aborted) return false;
  // The messages of one export fit into memory; those of years of daily files do not.
  const isSmall = source.layout === "export";
  if (isSmall) await prepareHashes(run);
  for (const progress of pending("timings")) {
    if (!isSmall) await prepareHashes(run, progress.file);
    await connection.run("BEGIN");
    await findParties(run, progress.file);
    await connection.run("COMMIT");
    await eachChunk(progress, () => importReceipts(run, progress, rowsPerCommit));
  }
  if (signal.aborted) return false;
  await markRepeats(run, (share) => show(`repeats ${Math.floor(share * 100)} % marked`));
  await finishImport(run);
  return true;
}
