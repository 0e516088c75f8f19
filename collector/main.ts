// The collector's command line. See `collector.example.yaml` for its config.

import { runProgram, subcommand } from "../shared/cli.ts";
import { addressesCommand } from "./commands/addresses.ts";
import { checkConfigCommand } from "./commands/check_config.ts";
import { dumpCommand } from "./commands/dump.ts";
import { keygenCommand } from "./commands/keygen.ts";
import { runCommand } from "./commands/run.ts";
import { PROGRAM, VERSION } from "./program.ts";

const versionCommand = subcommand({
  name: `${PROGRAM} version`,
  summary: "Print the collector's version.",
  flags: {},
}, () => Promise.resolve(console.log(VERSION)));

if (import.meta.main) {
  await runProgram({
    name: PROGRAM,
    summary: "Listen to the gossip of Lightning nodes, and deliver the records.",
    commands: {
      run: runCommand,
      "check-config": checkConfigCommand,
      keygen: keygenCommand,
      addresses: addressesCommand,
      dump: dumpCommand,
      version: versionCommand,
    },
    fallback: "run",
  });
}
