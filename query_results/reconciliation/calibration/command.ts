/**
 * `deno task lab calibrate`: holds traffic against the table of real receipts.
 *
 * @module
 */
import { type Subcommand, subcommand } from "../../../shared/cli.ts";
import { UserError } from "../../../shared/errors.ts";
import { calibrate, calibrationText } from "./rows.ts";
import { readTraceFile } from "./trace_file.ts";

/** Prints the table; gives 1 when a row does not hold. */
export const calibrateCommand: Subcommand = subcommand({
  name: "deno task lab calibrate",
  summary: "Compare receipt traces with the calibration table, row by row.",
  details:
    "Exits 1 when a row does not hold. Reads inside this folder; the last example shows other paths.",
  flags: {
    traces: {
      type: "string",
      value: "FILE",
      help: "CSV, plain or .gz, with the columns message_hash, type, peer and delay_ms",
    },
  },
  examples: [
    "deno task lab calibrate --traces traces.csv.gz",
    "deno run --no-prompt -P=lab --allow-read=.,/data query_results/reconciliation/main.ts \\\n" +
    "      calibrate --traces /data/traces.csv.gz",
  ],
}, async ({ traces }) => {
  if (traces === undefined) {
    throw new UserError("deno task lab calibrate: --traces FILE is required");
  }
  const rows = calibrate(await readTraceFile(traces));
  if (rows === null) {
    throw new UserError(`${traces} has no channel_update or node_announcement of wide reach`);
  }
  console.log(calibrationText(rows));
  return rows.every(({ holds }) => holds) ? 0 : 1;
});
