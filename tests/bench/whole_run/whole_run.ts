// The real run of 2025-09-26, or its first tenth: from a nats-server into an archive, and out again by the queries; each
// figure beside what DuckDB alone, or the first Gossip Observer's tables, make of the same rows.

import { killAll } from "../../support/servers/process.ts";
import { tempDir } from "../../support/temp_dir.ts";
import type { Benchmark, BenchmarkOptions, Figure } from "../figure.ts";
import type { PlannedRun } from "../planned_batches.ts";
import { runChild } from "./children.ts";
import { convergenceFigures } from "./convergence_figures.ts";
import { demandRoom } from "./disk.ts";
import type { PlannedFile } from "./ingest.ts";
import { ingestFigures } from "./ingest_figures.ts";
import { liveFigures } from "./live_figures.ts";
import type { Means } from "./original_table.ts";
import type { Planned } from "./plan_process.ts";
import { generatorFigures, queryFigures } from "./plain_figures.ts";
import { liveRun, wholeRun } from "./runs.ts";
import type { WholeRun } from "./part.ts";

const GIB = 1024 ** 3;
/** The most that its files take at once. */
const FULL_BYTES = 16 * GIB;
const PART_BYTES = 3 * GIB;
/** Traffic that comes in while the queries run: must outlast them at its speed. */
const FULL_LIVE_SECONDS = 3 * 3600;
const PART_LIVE_SECONDS = 2400;
/** What DuckDB gets for queries, ours and the others'. */
const MEANS: Means = { memoryLimit: "3GiB", threads: 2 };

async function plan(run: PlannedRun, file: string): Promise<PlannedFile> {
  return { run, file, planned: await runChild<Planned>("plan_process.ts", { run, file }) };
}

async function* run(options: BenchmarkOptions): AsyncGenerator<Figure, void, void> {
  const { full, progress } = options;
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) Deno.addSignalListener(name, killAll);
  try {
    await using folder = await tempDir();
    const dir = folder.path;
    const room = full ? FULL_BYTES : PART_BYTES;
    await demandRoom(dir, room);
    progress(`takes up to ${room / GIB} GiB in ${dir}, which is removed in the end`);
    progress("planning");
    const wanted = wholeRun(full, Date.now());
    const source = await plan(wanted, `${dir}/run.batches`);
    const { receipts, messages, batches } = source.planned;
    progress(`planned ${receipts} receipts of ${messages} messages in ${batches} batches`);
    const seconds = full ? FULL_LIVE_SECONDS : PART_LIVE_SECONDS;
    const live = await plan(liveRun(wanted, seconds), `${dir}/live.batches`);
    const whole: WholeRun = {
      ...options,
      dir,
      source,
      live,
      means: MEANS,
      atFullSize: (bar) => full ? bar : null,
    };
    for (const part of PARTS) {
      for await (const { figure: name, ...rest } of part(whole)) {
        yield { figure: `${full ? "whole run" : "tenth of the run"}: ${name}`, ...rest };
      }
    }
  } finally {
    for (const name of signals) Deno.removeSignalListener(name, killAll);
  }
}

/** In this order: each finds in the folder what those before it left. */
const PARTS: readonly ((whole: WholeRun) => AsyncIterable<Figure>)[] = [
  generatorFigures,
  ingestFigures,
  queryFigures,
  convergenceFigures,
  liveFigures,
];

/** See the module. */
export const wholeRunBenchmark: Benchmark = {
  name: "whole-run",
  what:
    "a day of 978 peers, or a tenth of it: from nats-server to archive, queries, days; with --full 163 M receipts",
  run,
};
