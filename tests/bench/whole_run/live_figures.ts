// What else is done with an archive while traffic comes in: it is queried, and its finished day becomes Parquet.

import { type Bar, type Figure, figure, median } from "../figure.ts";
import { archiveIn, type BenchArchiver, daysIn } from "./bench_archiver.ts";
import { CONVERGENCE } from "./convergence_figures.ts";
import { LIVE_SPEED, LiveArchive, type Meanwhile } from "./live_archive.ts";
import type { WholeRun } from "./part.ts";
import { runQueryTask, whereSeconds } from "./queries.ts";

const GB = 1e9;
const COMMIT_DELAY: Bar = { sense: "<=", limit: 2 };

/** Adds to the archive in the run's folder, and leaves the run's day in Parquet. */
export async function* liveFigures(whole: WholeRun): AsyncGenerator<Figure, void, void> {
  const { dir, source, live, means, repeat, progress, atFullSize } = whole;
  const { receipts } = source.planned;
  const day = new Date(source.run.startedAt / 1000).toISOString().slice(0, 10);
  await using archive = await LiveArchive.start(live, dir, means.memoryLimit);

  progress(`at ${LIVE_SPEED} times the real run's rate: a snapshot`);
  const snapshot = await archive.meanwhile((archiver) => takeSnapshot(archiver));
  yield figure("snapshot beside ingest", [snapshot.seconds], "s");
  yield* delayFigures("a snapshot is made", snapshot);
  progress("the same while the queries run on the snapshot");
  const queried = await archive.meanwhile(() =>
    runQueryTask(snapshot.result, `${dir}/live`, means)
  );
  yield* delayFigures("the queries run", queried);
  await Deno.remove(snapshot.result);
  progress(`the same while ${day} becomes Parquet`);
  const copied = await archive.meanwhile((archiver) => archiver.command("rollover", "--day", day));
  yield figure("a day into Parquet", [copied.seconds], "s");
  yield* delayFigures("a day becomes Parquet", copied);
  const bytes = await parquetBytes(`${daysIn(dir)}/receipts`);
  yield figure("Parquet bytes per receipt", [bytes / receipts], "bytes", { sense: "<=", limit: 6 });
  const peakRss = await archive.peakRss();
  yield figure("the archiver's peak RSS until then", [peakRss / GB], "GB", {
    sense: "<=",
    limit: 3,
  });
  progress("the same while the archiver itself runs the queries");
  const analysed = await archive.meanwhile((archiver) => archiver.command("analyse", "--day", day));
  yield figure("a scheduled run", [analysed.seconds], "s");
  yield* delayFigures("a scheduled run goes on", analysed);

  progress("the same while the day leaves the hot store");
  const dropped = await archive.meanwhile((archiver) =>
    archiver.command("rollover", "--day", day, "--drop", "hot", "--apply")
  );
  yield figure("a day verified and dropped from the hot store", [dropped.seconds], "s");
  yield* delayFigures("a day is dropped", dropped);
  // Of its own, and what the scheduled run was given.
  const rss = await archive.end();
  yield figure("the archiver's peak RSS with a scheduled run", [rss / GB], "GB");

  progress("the convergence query on the day's file");
  const until = new Date(live.run.startedAt / 1000).toISOString();
  const flags = [...CONVERGENCE, "--until", until];
  const { queries } = await runQueryTask(archiveIn(dir), `${dir}/cold`, means, flags);
  const bar = atFullSize({ sense: "<=", limit: 15 });
  yield figure("convergence query on Parquet", [queries[0].seconds], "s", bar);
  const where = await whereSeconds(archiveIn(dir), source.run, repeat);
  yield figure("where, of a cold day", where, "s", atFullSize({ sense: "<=", limit: 2 }));
}

function* delayFigures(
  what: string,
  { delays }: Meanwhile<unknown>,
): Generator<Figure, void, void> {
  yield figure(`commit delay while ${what}, median`, [median(delays) / 1000], "s");
  const p99 = delays[Math.ceil(0.99 * delays.length) - 1];
  yield figure(`commit delay while ${what}, p99`, [p99 / 1000], "s", COMMIT_DELAY);
}

/** @returns the snapshot's path. */
async function takeSnapshot(archiver: BenchArchiver): Promise<string> {
  const lines = await archiver.command("snapshot");
  return lines.find((line) => line.endsWith(".duckdb"))!;
}

/** Bytes of all Parquet files of a folder and those in it. */
async function parquetBytes(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) bytes += await parquetBytes(path);
    else if (name.endsWith(".parquet")) bytes += (await Deno.stat(path)).size;
  }
  return bytes;
}
