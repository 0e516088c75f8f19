// How like real receipts between peers generated traffic is: rows of the calibration table that hold.

import {
  calibrate,
  CALIBRATION_ROWS,
} from "../../query_results/reconciliation/calibration/rows.ts";
import { wideSets } from "../../query_results/reconciliation/calibration/traces.ts";
import { planTraces } from "../simnet/plan_traces.ts";
import { REAL_RUN } from "../simnet/real_run.ts";
import { traffic } from "../simnet/traffic.ts";
import { type Benchmark, figure } from "./figure.ts";

/** An hour at the real run's width has ten sets of wide messages. */
const SECONDS = 3600;

/** Of `repeat` seeds. */
export const calibrationBenchmark: Benchmark = {
  name: "calibration",
  what: "rows of the table of real receipts between peers that generated traffic holds",
  run({ repeat, progress }) {
    const held = Array.from({ length: repeat }, (_, seed) => {
      const plan = { seed, peers: REAL_RUN.peers, seconds: SECONDS, peersLeave: true };
      const rows = calibrate(wideSets(planTraces(traffic(plan), plan)));
      const failed = rows.filter(({ holds }) => !holds).map(({ name }) => name);
      progress(`seed ${seed}: ${failed.length === 0 ? "all rows hold" : failed.join("; ")}`);
      return rows.length - failed.length;
    });
    const all = { sense: ">=", limit: CALIBRATION_ROWS.length } as const;
    const name = "rows of the calibration table that hold: simnet";
    return Promise.resolve([figure(name, held, "rows", all)]);
  },
};
