// The convergence query on our archive, and on the first Gossip Observer's tables of the same rows.

import { type Figure, figure, median } from "../figure.ts";
import { archiveIn } from "./bench_archiver.ts";
import { makeOriginalTable, originalConvergence } from "./original_table.ts";
import { runQueryTask } from "./queries.ts";
import type { WholeRun } from "./part.ts";

/** The query alone. */
export const CONVERGENCE: readonly string[] = ["--only", "convergence_delay"];

/** Of the archive in the run's folder. */
export async function* convergenceFigures(whole: WholeRun): AsyncGenerator<Figure, void, void> {
  const { dir, means, repeat, progress, atFullSize } = whole;
  const original = `${dir}/original.duckdb`;
  progress("making the first observer's tables of the same rows");
  const bytes = await makeOriginalTable(archiveIn(dir), original, means);
  yield figure("the first observer's bytes per receipt", [bytes], "bytes");
  const ours: number[] = [], windows: number[] = [], grouped: number[] = [];
  for (let i = 0; i < repeat; i++) {
    const { queries } = await runQueryTask(archiveIn(dir), `${dir}/results`, means, CONVERGENCE);
    ours.push(queries[0].seconds);
    windows.push(await originalConvergence(original, means, "windows"));
    grouped.push(await originalConvergence(original, means, "grouped"));
    const seconds = [ours, windows, grouped].map((all) => all[i].toFixed(1));
    progress(`convergence: ours ${seconds[0]} s, theirs ${seconds[1]} s, grouped ${seconds[2]} s`);
  }
  await Deno.remove(original);
  yield figure("convergence query", ours, "s", atFullSize({ sense: "<=", limit: 15 }));
  yield figure("the same on the first observer's tables, in their manner", windows, "s");
  yield figure("the same there, grouped as ours is", grouped, "s");
  const ratio = [median(windows) / median(ours)];
  const thrice = atFullSize({ sense: ">=", limit: 3 });
  yield figure("theirs in their manner / ours", ratio, "ratio", thrice);
  yield figure("theirs grouped / ours", [median(grouped) / median(ours)], "ratio");
}
