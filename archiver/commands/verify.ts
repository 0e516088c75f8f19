// `deno task archive verify`: counts again whatever an archive says in two ways.

import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { grouped, printable } from "../../shared/text.ts";
import { readerLimits } from "../config.ts";
import { CHECKS } from "../verify/checks.ts";
import { ARCHIVE_FLAGS, archiveConfig } from "./flags.ts";

const EXIT_MISFIT = 1;

export const verifyCommand: Subcommand = subcommand({
  name: "deno task archive verify",
  summary: "Recount every figure that the archive keeps twice. Exit status: 1 if any differ.\n" +
    "Stop the archiver first, or verify a snapshot.",
  flags: {
    ...ARCHIVE_FLAGS,
    strict: { type: "boolean", help: "exit with 1 for recorded losses as well" },
  },
  examples: [
    "deno task archive verify --config archiver.yaml",
    "deno task archive verify --archive archive/snapshots/2025-09-26T12-00-00Z.duckdb",
  ],
}, async (flags) => {
  const config = await archiveConfig(flags, false);
  const path = config.archive;
  using archive = await openArchive(path, readerLimits(config));
  const found = { contradiction: 0, loss: 0 };
  for (const { claim, kind, look } of CHECKS) {
    const { misfits, seen, details = [] } = await look(archive.connection);
    if (misfits > 0) found[kind]++;
    const verdict = misfits === 0 ? "fits" : kind === "loss" ? "LOSS" : "DOES NOT FIT";
    const count = misfits === 0 ? grouped(seen) : `${grouped(misfits)} of ${grouped(seen)}`;
    console.log(`${verdict.padEnd(12)}  ${claim}: ${count}`);
    for (const detail of details) console.log(`${" ".repeat(14)}${printable(detail, 500)}`);
  }
  console.log(
    `verify: checks=${CHECKS.length} contradictions=${found.contradiction} losses=${found.loss} archive=${path}`,
  );
  return found.contradiction > 0 || (flags.strict && found.loss > 0) ? EXIT_MISFIT : 0;
});
