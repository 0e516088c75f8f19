// `deno task bench`: the performance figures, one JSON line each on standard output; progress on standard error.

import { type Command, type Flag, runMain } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";

import { analyticsBenchmark } from "./analytics.ts";
import { archiveBenchmark } from "./archive.ts";
import { calibrationBenchmark } from "./calibration.ts";
import { collectorBenchmark } from "./collector.ts";
import { crashPointsBenchmark } from "./crash_points.ts";
import type { Benchmark } from "./figure.ts";
import { graphBenchmark } from "./graph.ts";
import { handshakesBenchmark } from "./handshakes.ts";
import { nodeLogsBenchmark } from "./node_logs.ts";
import { patternsBenchmark } from "./patterns.ts";
import { peersBenchmark } from "./peers.ts";
import { reconciliationAlgorithmsBenchmark } from "./reconciliation_algorithms.ts";
import { clusterBenchmark, movesBenchmark } from "./cluster.ts";
import { fleetBenchmark } from "./fleet.ts";
import { postgresBenchmark } from "./postgres.ts";
import { freshDemoBenchmark, freshTestBenchmark } from "./fresh_clone.ts";
import { simulatorBenchmark } from "./simulator.ts";
import { summariesBenchmark } from "./summaries.ts";
import { publishBenchmark } from "./publish.ts";
import { replayBenchmark } from "./replay.ts";
import { wholeRunBenchmark } from "./whole_run/whole_run.ts";

const BENCHMARKS: readonly Benchmark[] = [
  collectorBenchmark,
  peersBenchmark,
  handshakesBenchmark,
  archiveBenchmark,
  crashPointsBenchmark,
  wholeRunBenchmark,
  summariesBenchmark,
  analyticsBenchmark,
  postgresBenchmark,
  calibrationBenchmark,
  graphBenchmark,
  simulatorBenchmark,
  nodeLogsBenchmark,
  reconciliationAlgorithmsBenchmark,
  publishBenchmark,
  replayBenchmark,
  patternsBenchmark,
  fleetBenchmark,
  clusterBenchmark,
  movesBenchmark,
  freshDemoBenchmark,
  freshTestBenchmark,
];

const flags = {
  only: { help: "only these, separated by commas", value: "NAMES" },
  full: {
    type: "boolean",
    help: "replay the full day (164 million receipts, about 25 minutes) instead of a tenth; " +
      "hold 1,000 peers for ten minutes per run instead of one",
  },
  list: { type: "boolean", help: "list the benchmarks and exit" },
  repeat: { type: "number", help: "runs per median", default: 3, min: 1, max: 100 },
} as const satisfies Record<string, Flag>;

const command: Command<typeof flags> = {
  name: "deno task bench",
  summary: "Measure the performance figures and print one JSON line each:\n" +
    '{"figure", "value", "unit", "bar", "holds", "runs"}. Exit status: 1 if one does not hold.',
  flags,
  examples: [
    "deno task bench",
    "deno task bench --only archive,collector --repeat 5",
    "deno task bench --only whole-run --full",
  ],
};

/** The benchmarks that `--only` names, in the order in which they stand. */
function chosen(only: string | undefined): readonly Benchmark[] {
  if (only === undefined) return BENCHMARKS;
  const names = only.split(",");
  const known = BENCHMARKS.map((benchmark) => benchmark.name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UserError(
      `No benchmark is called ${unknown.join(", ")}; there are ${known.join(", ")}`,
    );
  }
  return BENCHMARKS.filter((benchmark) => names.includes(benchmark.name));
}

await runMain(command, async ({ only, full, list, repeat }) => {
  const benchmarks = chosen(only);
  if (list) {
    for (const { name, what } of benchmarks) console.log(`${name.padEnd(16)}${what}`);
    return 0;
  }
  let holds = true;
  for (const benchmark of benchmarks) {
    const progress = (line: string) => console.error(`${benchmark.name}: ${line}`);
    for await (const figure of await benchmark.run({ repeat, full, progress })) {
      console.log(JSON.stringify(figure));
      holds &&= figure.holds;
    }
  }
  return holds ? 0 : 1;
});
