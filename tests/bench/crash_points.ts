// An archiver killed with SIGKILL at each named step of upgrade, commit, roll-over and retention, the first and the
// second time that it comes by, and what its archive lacks once it was started again and has finished.

import { STEPS } from "../../archiver/store/crash_points.ts";
import { crashAndFinish, type CrashPoint } from "../support/crash/crash_run.ts";
import { type Benchmark, figure } from "./figure.ts";

const OCCURRENCES = [1, 2];

/** See the module; each point has an archive of its own. It takes no medians: one that is not 0 is too many. */
export const crashPointsBenchmark: Benchmark = {
  name: "crash_points",
  what: "SIGKILL at each step of upgrade, commit, roll-over and retention: what is lost or doubled",
  run: async ({ progress }) => {
    const points = STEPS.flatMap((step) =>
      OCCURRENCES.map((occurrence): CrashPoint => ({ step, occurrence }))
    );
    const total = { lost: 0, duplicated: 0, unreadable: 0, problems: 0 };
    for (const [i, point] of points.entries()) {
      const { lost, duplicated, unreadable, problems } = await crashAndFinish([point]);
      total.lost += lost;
      total.duplicated += duplicated;
      total.unreadable += unreadable;
      total.problems += problems.length;
      const found = `lost=${lost} duplicated=${duplicated} unreadable=${unreadable}`;
      const place = `${i + 1}/${points.length} "${point.step}", time ${point.occurrence}`;
      progress([`${place}: ${found}`, ...problems].join("\n  "));
    }
    const none = { sense: "<=", limit: 0 } as const;
    return [
      figure("crash points: lost", [total.lost], "receipts and messages", none),
      figure("crash points: duplicated", [total.duplicated], "receipts and messages", none),
      figure("crash points: unreadable", [total.unreadable], "files", none),
      figure("crash points: other misfits", [total.problems], "misfits", none),
    ];
  },
};
