// A report of all questions about reconciliation.

import { join } from "node:path";
import type { WantedWindow } from "../archive/frame.ts";
import { readQueries, selectQueries } from "../catalog/catalog.ts";
import { runQueries, type RunResult } from "../run.ts";
import { opening } from "./replay/answers.ts";
import { replay } from "./replay/replay.ts";

const QUESTIONS = new URL("./replay/questions/", import.meta.url);
/** Queries of this section need no replay, and are in every report. */
const SECTION = "Set reconciliation";
/** Shares of the work, for progress. */
const REPLAY_SHARE = 0.8;

export interface ReplayReportOptions {
  readonly archive: string;
  readonly out: string;
  readonly window?: WantedWindow;
  readonly pairs: number;
  readonly seed: number;
  /** Seconds of network time per second of the archive. */
  readonly scale: number;
  readonly memoryLimit: string;
  /** Follows every title, such as where the archive comes from. */
  readonly mark?: string;
  readonly onProgress: (step: string, done: number) => void;
  readonly signal?: AbortSignal;
}

/** Replays an archive and writes the report; index.html comes last. @throws {UserError} where the archive has too little. */
export async function replayReport(options: ReplayReportOptions): Promise<RunResult> {
  const { archive, out, window, pairs, seed, scale, mark = "", onProgress, signal } = options;
  // A report of an earlier run beside this run's files would be half of each.
  await Deno.remove(join(out, "index.html")).catch(() => {});
  return await runQueries({
    archive,
    out,
    title: `What set reconciliation would save${mark}`,
    note: `Up to ${pairs} pairs, seed ${seed}` +
      (scale === 1 ? "" : `; a second of the archive is ${scale} s of network time`),
    window,
    reader: { memoryLimit: options.memoryLimit },
    reference: scale === 1 ? undefined : { scale },
    queries: [
      ...readQueries(QUESTIONS),
      ...selectQueries().filter(({ section }) => section === SECTION),
    ].map((query) => ({ ...query, title: query.title + mark })),
    open: async (connection, frame) => {
      const found = await replay(connection, {
        window: frame.window,
        scale,
        pairs,
        seed,
        onProgress: (step, done) => onProgress(step, REPLAY_SHARE * done),
      });
      return opening(found, frame);
    },
    onProgress: ({ query, index, count }) =>
      onProgress(query, REPLAY_SHARE + (1 - REPLAY_SHARE) * index / count),
    signal,
  });
}
