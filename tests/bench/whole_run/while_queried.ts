/**
 * How long batches wait for their commit while the queries run beside the archiver, the way users run them: on a snapshot
 * that the archiver makes meanwhile.
 *
 * @module
 */
import { systemClock } from "../../../shared/clock.ts";
import { startNatsServer } from "../../support/nats_server.ts";
import { startProgram } from "../../support/process.ts";
import { until } from "../../support/until.ts";
import { AckObserver } from "./ack_observer.ts";
import { startBenchArchiver } from "./bench_archiver.ts";
import { LONGEST_MILLISECONDS, startChild } from "./children.ts";
import type { PlannedFile } from "./ingest.ts";
import type { Means } from "./original_table.ts";
import type { Published, PublishOptions } from "./publish_process.ts";
import { type QueryTimes, runQueryTask } from "./queries.ts";

/** So many times the real run's rate comes in: that of some ten collectors with 978 peers each. */
export const LIVE_SPEED = 10;
/** The run's begin, thinner than the rest, goes by at once. */
const HEAD_SECONDS = 600;
/** What the archiver gets to commit it. */
const SETTLE_MILLISECONDS = 15_000;
/** What it gets to commit what came last. */
const DRAIN_MILLISECONDS = 120_000;
/** Batches that may wait in the stream. */
const MAX_BATCHES = 100_000;

/** How it went. */
export interface WhileQueried {
  /** Of each batch that came meanwhile, from the server's storing it to its acknowledgement after the commit, ms. */
  readonly delays: readonly number[];
  /** How long the snapshot took, seconds. */
  readonly snapshotSeconds: number;
  /** How the queries went. */
  readonly queries: QueryTimes;
}

/** Lets traffic come in to the archive in `dir` while a snapshot of it is made and queried. */
export async function commitWhileQueried(
  live: PlannedFile,
  dir: string,
  means: Means,
  progress: (line: string) => void,
): Promise<WhileQueried> {
  await using nats = await startNatsServer();
  await using observer = await AckObserver.connect(nats.url);
  await using archiver = await startBenchArchiver({
    dir,
    nats: nats.url,
    maxBatches: MAX_BATCHES,
  });
  await archiver.process.waitForLine(/Pulling batches/);
  const options: PublishOptions = {
    url: nats.url,
    file: live.file,
    collector: live.run.collector,
    epoch: live.run.startedAt,
    speed: LIVE_SPEED,
    headSeconds: HEAD_SECONDS,
  };
  await using publisher = startChild<Published>("publish_process.ts", options);
  await systemClock.sleep(SETTLE_MILLISECONDS);

  const from = Date.now();
  const snapshot = await takeSnapshot(archiver.config, archiver.permissions);
  const snapshotSeconds = (Date.now() - from) / 1000;
  progress(`snapshot made in ${snapshotSeconds.toFixed(1)} s`);
  const queries = await runQueryTask(snapshot, `${dir}/live_results`, means);
  const to = Date.now();
  publisher.process.signal("SIGTERM");
  const { batches, isWhole } = await publisher.result();
  if (isWhole) throw new Error("the live traffic ended before the queries did");
  await until(() => observer.acked.length === batches, () => "batches wait", DRAIN_MILLISECONDS);
  archiver.process.signal("SIGTERM");
  await archiver.process.wait(LONGEST_MILLISECONDS);
  const meanwhile = observer.acked.filter(({ storedAt }) => storedAt >= from && storedAt < to);
  return { delays: meanwhile.map(({ delay }) => delay), snapshotSeconds, queries };
}

/** `deno task archive snapshot`. @returns the snapshot's path. */
async function takeSnapshot(config: string, permissions: readonly string[]): Promise<string> {
  const args = ["snapshot", "--config", config];
  await using process = startProgram("archiver/main.ts", args, permissions);
  const { success } = await process.wait(LONGEST_MILLISECONDS);
  const path = process.lines.find((line) => line.endsWith(".duckdb"));
  if (success && path !== undefined) return path;
  throw new Error(`no snapshot was made:\n${process.lines.join("\n")}`);
}
