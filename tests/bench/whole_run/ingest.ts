// A planned run through a real nats-server into an archive, by the archiver as its users run it.

import { openStream } from "../../../archiver/intake/stream.ts";
import { connectNats } from "../../../shared/nats/connect.ts";
import { STREAM } from "../../../shared/subjects.ts";
import { startNatsServer } from "../../support/servers/nats_server.ts";
import type { Process } from "../../support/servers/process.ts";
import type { PlannedRun } from "../planned_batches.ts";
import { AckObserver } from "./ack_observer.ts";
import { archiveIn, startBenchArchiver } from "./bench_archiver.ts";
import { LONGEST_MILLISECONDS, RssWatch, runChild, startChild } from "./children.ts";
import type { Planned } from "./plan_process.ts";
import type { Published, PublishOptions } from "./publish_process.ts";
import type { SqlOptions, SqlTimes } from "./sql_process.ts";

const PROGRESS_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 50;
/** An archiver that commits nothing for so long will not. */
const STALL_MILLISECONDS = 120_000;

/** A run that is planned and waits in a file. */
export interface PlannedFile {
  /** It. */
  readonly run: PlannedRun;
  /** What it holds. */
  readonly planned: Planned;
  /** The file of its batches. */
  readonly file: string;
}

/** How it went. */
export interface Ingested {
  /** From the archiver's first pull to its last acknowledgement. */
  readonly receiptsPerSecond: number;
  /** From the first batch's publishing, or where all were published before, from the first pull, to the same. */
  readonly seconds: number;
  /** The archiver's, bytes. */
  readonly peakRss: number;
  /** What the stream took for all batches, bytes; null where it never held them all. */
  readonly brokerBytes: number | null;
  /** The archive's file after the archiver's end. */
  readonly archiveBytes: number;
  /** Receipts that are not in the archive. */
  readonly lost: number;
  /** Receipts that are there too often. */
  readonly duplicated: number;
}

/**
 * Archives a run into a new archive in `dir`.
 *
 * @param isFilled whether all batches are in the stream before the archiver starts; else they come as fast as the
 * server takes them while it runs.
 */
export async function ingest(
  source: PlannedFile,
  dir: string,
  isFilled: boolean,
  progress: (line: string) => void,
): Promise<Ingested> {
  const { run, planned, file } = source;
  const maxBatches = 2 * planned.batches;
  await using nats = await startNatsServer();
  await using observer = await AckObserver.connect(nats.url);
  const batches: PublishOptions = {
    url: nats.url,
    file,
    collector: run.collector,
  };
  const publish = () => startChild<Published>("publish_process.ts", batches);
  const brokerBytes = isFilled ? await fill(nats.url, maxBatches, publish) : null;

  await using archiver = await startBenchArchiver({ dir, nats: nats.url, maxBatches });
  const { process } = archiver;
  const rss = new RssWatch(process);
  await process.waitForLine(/Pulling batches/);
  const publishedFrom = Date.now();
  await using publisher = isFilled ? null : publish();
  for (let ticks = 0; observer.acked.length < planned.batches; ticks++) {
    const isStalled = Date.now() - Math.max(observer.lastAckAt, publishedFrom) > STALL_MILLISECONDS;
    if (isStalled || process.status !== null || publisher?.process.status?.success === false) {
      const { lines } = process.status || isStalled ? process : publisher!.process;
      throw new Error(`ingest failed:\n${lines.slice(-20).join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
    if (ticks % (PROGRESS_MILLISECONDS / LOOK_MILLISECONDS) === 0 && ticks > 0) {
      const share = observer.acked.length / planned.batches;
      progress(`${(100 * share).toFixed()} % archived`);
    }
  }
  await publisher?.result();
  const seconds = (observer.lastAckAt - (isFilled ? observer.firstPullAt! : publishedFrom)) / 1000;
  const peakRss = await stop(process, rss);
  const { size: archiveBytes } = await Deno.stat(archiveIn(dir));
  return {
    receiptsPerSecond: planned.receipts / ((observer.lastAckAt - observer.firstPullAt!) / 1000),
    seconds,
    peakRss,
    brokerBytes,
    archiveBytes,
    ...await recount(source, dir),
  };
}

/** @returns the bytes that the stream takes for all batches. */
async function fill(
  url: string,
  maxBatches: number,
  publish: () => ReturnType<typeof startChild<Published>>,
): Promise<number> {
  const connection = await connectNats({ servers: [url], name: "bench" });
  try {
    await openStream(connection, STREAM, maxBatches);
    await using publisher = publish();
    await publisher.result();
    const manager = await connection.jetstreamManager();
    return (await manager.streams.info(STREAM)).state.bytes;
  } finally {
    await connection.close();
  }
}

/** Ends the archiver in order. @returns the most memory it had. */
async function stop(process: Process, rss: RssWatch): Promise<number> {
  process.signal("SIGTERM");
  await process.wait(LONGEST_MILLISECONDS);
  return await rss.stop();
}

/** Counts the receipts of the archive, and adds up their times. */
async function recount(
  { run, planned }: PlannedFile,
  dir: string,
): Promise<{ lost: number; duplicated: number }> {
  const options: SqlOptions = {
    path: archiveIn(dir),
    memoryLimit: "1GiB",
    threads: 2,
    statements: [
      `SELECT count(*) AS receipts, sum(epoch_us(received_at) - ${run.startedAt}) AS times
      FROM receipts`,
    ],
  };
  const { rows: [{ receipts, times }] } = await runChild<SqlTimes>("sql_process.ts", options);
  const extra = Number(receipts) - planned.receipts;
  if (extra === 0 && times !== planned.times) {
    throw new Error(`the archive's receipts are as many, but not the same: ${times} µs in all`);
  }
  return { lost: Math.max(0, -extra), duplicated: Math.max(0, extra) };
}
