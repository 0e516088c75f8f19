// The queries as their users run them: `deno task query` on a file.

import { scidText } from "../../../shared/bolt/scid.ts";
import { originCounts } from "../../simnet/traffic.ts";
import { Universe } from "../../simnet/universe.ts";
import { startProgram } from "../../support/servers/process.ts";
import { LONGEST_MILLISECONDS, RssWatch } from "./children.ts";
import type { PlannedRun } from "../planned_batches.ts";
import type { Means } from "./original_table.ts";

/** How long `deno task where` takes for the channel with the most to say, in seconds, start and all. */
export async function whereSeconds(
  archive: string,
  { traffic }: PlannedRun,
  repeat: number,
): Promise<number[]> {
  const { scid } = new Universe(traffic.seed, originCounts(traffic)).channel(0);
  const seconds: number[] = [];
  for (let i = 0; i < repeat; i++) {
    const from = performance.now();
    await using process = startProgram(
      "query_results/where/main.ts",
      ["--archive", archive, scidText(scid)],
      ["-P=query", `--allow-read=query_results,${archive}`],
    );
    const { success } = await process.wait(LONGEST_MILLISECONDS);
    if (!success) throw new Error(`where failed:\n${process.lines.slice(-20).join("\n")}`);
    seconds.push((performance.now() - from) / 1000);
  }
  return seconds;
}

/** How one query went. */
export interface QueryTime {
  /** Its name. */
  readonly query: string;
  /** How long the query itself took. */
  readonly seconds: number;
}

/** How they went. */
export interface QueryTimes {
  /** In the order in which they ran. */
  readonly queries: readonly QueryTime[];
  /** The process's, bytes. */
  readonly peakRss: number;
}

/** `  1/18  convergence_delay   query   1234 ms  chart …` */
const PROGRESS = /^ *\d+\/\d+ +(\w+) +query +(\d+) ms/;

/** Runs the queries on an archive, with further flags of the task; the results go to a folder. */
export async function runQueryTask(
  archive: string,
  out: string,
  means: Means,
  flags: readonly string[] = [],
): Promise<QueryTimes> {
  const args = ["--archive", archive, "--out", out, "--memory", means.memoryLimit];
  args.push("--threads", String(means.threads), ...flags);
  await using process = startProgram("query_results/main.ts", args, [
    ...["-P=query", `--allow-read=query_results,${archive},${out}`, `--allow-write=${out}`],
  ]);
  const rss = new RssWatch(process);
  const { success } = await process.wait(LONGEST_MILLISECONDS);
  const peakRss = await rss.stop();
  if (!success) throw new Error(`the queries failed:\n${process.lines.slice(-20).join("\n")}`);
  const queries = process.lines.flatMap((line): QueryTime[] => {
    const match = line.match(PROGRESS);
    return match ? [{ query: match[1], seconds: Number(match[2]) / 1000 }] : [];
  });
  return { queries, peakRss };
}
