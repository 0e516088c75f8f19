// A process that plans a run into a file of batches: `plan_process.ts JSON` prints a line of JSON, {@link Planned}.
// A process of its own, for it is busy all the time.

import { PlanTally } from "../../simnet/plan_statistics.ts";
import { PlannedBatches, type PlannedRun, type PlannedTotals } from "../planned_batches.ts";
import { writeBatchFile } from "./batch_file.ts";
import { type Deviations, deviations } from "./generator_figures.ts";

/** What to plan. */
export interface PlanOptions {
  /** The run. */
  readonly run: PlannedRun;
  /** The new file. */
  readonly file: string;
}

/** What was planned. */
export interface Planned extends Omit<PlannedTotals, "times"> {
  /** See {@link PlannedTotals}; JSON has no bigint. */
  readonly times: string;
  /** How far it is from the real run. */
  readonly deviations: Deviations;
}

if (import.meta.main) {
  const { run, file }: PlanOptions = JSON.parse(Deno.args[0]);
  const tally = new PlanTally(run.traffic.peers);
  const plan = new PlannedBatches(run, (message) => tally.add(message));
  await writeBatchFile(file, plan.batches());
  const planned: Planned = {
    ...plan.totals,
    times: String(plan.totals.times),
    deviations: deviations(tally.statistics()),
  };
  console.log(JSON.stringify(planned));
}
