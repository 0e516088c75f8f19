// `deno task lab calibrate`: holds traffic against the table of real receipts.

import { type Subcommand, subcommand } from "../../../shared/cli.ts";
import { UserError } from "../../../shared/errors.ts";
import { seededRandom } from "../../../shared/random.ts";
import { expectPermitted, readNeeds } from "../../../shared/sandbox.ts";
import { generatedTraces } from "./delay_model.ts";
import { fitDelays } from "./fit_model.ts";
import { calibrate, calibrationText } from "./rows.ts";
import { readTraceFile } from "./trace_file.ts";
import { MAX_SETS, SET, wideSets } from "./traces.ts";

/** As many peers as delivered in the real traces. */
const PEERS = 975;

/** Prints the table; gives 1 when a row does not hold. */
export const calibrateCommand: Subcommand = subcommand({
  name: "deno task lab calibrate",
  summary: "Compare receipt traces with the calibration table, row by row.",
  details:
    "Without --traces, the delay model's own output is compared. Exits 1 when a row does not hold.\n" +
    "Reads inside this folder; the last example shows other paths.",
  flags: {
    traces: {
      value: "FILE",
      help: "CSV, plain or .gz, with the columns message_hash, type, peer and delay_ms",
    },
    fit: { type: "boolean", help: "fit the delay model to --traces and print it as JSON instead" },
    seed: { help: "equal seeds generate equal traces", default: "1" },
  },
  examples: [
    "deno task lab calibrate",
    "deno task lab calibrate --traces traces.csv.gz",
    "deno run --quiet --no-prompt -P=lab --allow-read=.,/data query_results/reconciliation/main.ts \\\n" +
    "      calibrate --traces /data/traces.csv.gz",
  ],
}, async ({ traces: file, fit, seed }) => {
  if (fit && file === undefined) {
    throw new UserError("deno task lab calibrate: --fit needs --traces FILE");
  }
  expectPermitted(readNeeds({ "--traces": file }), "lab");
  const traces = file === undefined
    ? generatedTraces(
      { peers: PEERS, updates: MAX_SETS * SET[258], nodes: MAX_SETS * SET[257] },
      seededRandom(seed),
    )
    : await readTraceFile(file);
  const sets = wideSets(traces);
  if (sets.length === 0) {
    throw new UserError(
      `${file} has fewer than two messages of wide reach: channel updates or node announcements ` +
        "that 87 % of its peers delivered",
    );
  }
  if (fit) return console.log(JSON.stringify(fitDelays(sets.flat())));
  const rows = calibrate(sets);
  console.log(calibrationText(rows));
  return rows.every(({ holds }) => holds) ? 0 : 1;
});
