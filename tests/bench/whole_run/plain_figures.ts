// Measurements that are figures as they are.

import { type Bar, type Figure, figure } from "../figure.ts";
import { archiveIn } from "./bench_archiver.ts";
import { runQueryTask, whereSeconds } from "./queries.ts";
import type { WholeRun } from "./part.ts";

const GB = 1e9;
const DEVIATION: Bar = { sense: "<=", limit: 5 };

/** How far the planned run is from the real one. */
export async function* generatorFigures(whole: WholeRun): AsyncGenerator<Figure, void, void> {
  const { deviations } = whole.source.planned;
  const percent = (share: number) => [100 * share];
  // Of a part's few channel_announcements, chance decides how many peers they reach.
  const shares = whole.atFullSize(DEVIATION);
  yield figure("largest deviation of a type's share", percent(deviations.shares), "%", shares);
  const reach = percent(deviations.reach);
  yield figure("largest deviation of peers per message", reach, "%", DEVIATION);
  const delays = percent(deviations.delays);
  yield figure("largest deviation of a delay percentile", delays, "%", DEVIATION);
}

/** How long each query takes on the archive in the run's folder. */
export async function* queryFigures(whole: WholeRun): AsyncGenerator<Figure, void, void> {
  const { dir, source, means, repeat, progress, atFullSize } = whole;
  progress("running all queries");
  const { queries, peakRss } = await runQueryTask(archiveIn(dir), `${dir}/results`, means);
  for (const { query, seconds } of queries) yield figure(`query ${query}`, [seconds], "s");
  const slowest = Math.max(...queries.map(({ seconds }) => seconds));
  yield figure("slowest query", [slowest], "s", atFullSize({ sense: "<=", limit: 60 }));
  yield figure("peak RSS of the queries", [peakRss / GB], "GB");
  const where = await whereSeconds(archiveIn(dir), source.run, repeat);
  yield figure("where, of a hot day", where, "s", atFullSize({ sense: "<=", limit: 2 }));
}
