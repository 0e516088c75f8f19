// `deno task archive verify`: counts again whatever an archive says in two ways.

import * as v from "valibot";
import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { printable } from "../../shared/text.ts";
import { ArchiverConfigSchema, readerLimits } from "../config.ts";
import { CHECKS } from "../verify/checks.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./config_flag.ts";

const EXIT_MISFIT = 1;

export const verifyCommand: Subcommand = subcommand({
  name: "deno task archive verify",
  summary: "Recounts what the archive says of itself. Ends with 1 when something does not fit.\n" +
    "The archiver must not run meanwhile; else verify a snapshot of it.",
  flags: {
    config: CONFIG_FLAG,
    archive: {
      type: "string",
      value: "FILE",
      help: "this archive instead of the config's; no config is read then",
    },
    strict: { type: "boolean", help: "end with 1 for what the archive says is lost, too" },
  },
  examples: [
    "deno task archive verify --config archiver.yaml",
    "deno task archive verify --archive archive/snapshots/2025-09-26T12-00-00Z.duckdb",
  ],
}, async ({ config: configPath, archive: given, strict }) => {
  const config = given === undefined
    ? await readArchiverConfig(configPath)
    : v.parse(ArchiverConfigSchema, {});
  const path = given ?? config.archive;
  using archive = await openArchive(path, readerLimits(config));
  const found = { contradiction: 0, loss: 0 };
  for (const { claim, kind, look } of CHECKS) {
    const { misfits, seen, details = [] } = await look(archive.connection);
    if (misfits > 0) found[kind]++;
    const verdict = misfits === 0 ? "fits" : kind === "loss" ? "LOSS" : "DOES NOT FIT";
    const count = misfits === 0 ? number(seen) : `${number(misfits)} of ${number(seen)}`;
    console.log(`${verdict.padEnd(12)}  ${claim}: ${count}`);
    for (const detail of details) console.log(`${" ".repeat(14)}${printable(detail, 500)}`);
  }
  console.log(
    `verify: checks=${CHECKS.length} contradictions=${found.contradiction} losses=${found.loss} archive=${path}`,
  );
  return found.contradiction > 0 || (strict && found.loss > 0) ? EXIT_MISFIT : 0;
});

function number(value: number): string {
  return value.toLocaleString("en");
}
