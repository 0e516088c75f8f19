// `deno task lab replay`: questions about set reconciliation, answered from an archive.

import { resolve } from "node:path";
import { stopSignal, type Subcommand, subcommand, WINDOW_FLAGS } from "../../shared/cli.ts";
import { bothNeeds, expectPermitted, readNeeds } from "../../shared/sandbox.ts";
import { standardError } from "../../shared/terminal.ts";
import { timeLeft } from "../format/numbers.ts";
import { replayReport } from "./replay_report.ts";

export const replayCommand: Subcommand = subcommand({
  name: "deno task lab replay",
  summary: "Replay reconciliation between pairs of an archive's peers.",
  details:
    "Writes one CSV and one SVG per question, and index.html, which comes last: once it is there, all is.",
  flags: {
    archive: { value: "FILE", help: "the archive", required: true },
    out: { value: "DIR", help: "folder for the results", required: true },
    ...WINDOW_FLAGS,
    pairs: { type: "number", value: "N", help: "pairs to draw", default: 300, min: 8, max: 5000 },
    seed: {
      type: "number",
      value: "N",
      help: "seed of all draws",
      default: 1,
      min: 0,
      max: 2 ** 31,
    },
    scale: {
      type: "number",
      fraction: true,
      value: "SCALE",
      help: "seconds of network time per second of the archive: 1 unless it was simulated",
      default: 1,
      min: 0.001,
      max: 1_000_000,
    },
    memory: { value: "SIZE", help: "DuckDB's memory limit", default: "1GiB" },
  },
  examples: ["deno task lab replay --archive archive/gossip.duckdb --out query_results/runs/lab"],
}, async ({ archive, out, from, until, pairs, seed, scale, memory }) => {
  expectPermitted([...readNeeds({ "--archive": archive }), ...bothNeeds("--out", out)], "lab");
  const result = await replayReport({
    archive,
    out,
    window: { from, to: until },
    pairs,
    seed,
    scale,
    memoryLimit: memory,
    onProgress: progressOf(),
    signal: stopSignal(),
  });
  const { sentences, limits } = result.opening;
  console.log([...sentences, limits].join("\n"));
  console.log(`report=${resolve(result.report)}`);
});

/** Lines on standard error: the step, how far, and about how long still. */
function progressOf(): (step: string, done: number) => void {
  const output = standardError();
  const left = timeLeft();
  return (step, done) => output.write(`${Math.round(100 * done)} %: ${step}${left(done)}\n`);
}
