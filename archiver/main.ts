// The archiver's command line. See `archiver.example.yaml` for its config.

import { runProgram } from "../shared/cli.ts";
import { fetchCommand } from "./commands/fetch.ts";
import { importCommand } from "./commands/import.ts";
import { analyseCommand, snapshotCommand, statusCommand } from "./commands/ask.ts";
import { exportCommand } from "./commands/export.ts";
import { lakeCommand } from "./commands/lake.ts";
import { releaseCommand } from "./commands/release.ts";
import { replayCommand } from "./commands/replay.ts";
import { rolloverCommand } from "./commands/rollover.ts";
import { runCommand, schemaCommand } from "./commands/run.ts";
import { userCommand } from "./commands/user.ts";
import { verifyCommand } from "./commands/verify.ts";

if (import.meta.main) {
  await runProgram({
    name: "deno task archive",
    summary: "The archiver stores what collectors record in a DuckDB archive.",
    commands: {
      run: runCommand,
      status: statusCommand,
      verify: verifyCommand,
      snapshot: snapshotCommand,
      rollover: rolloverCommand,
      import: importCommand,
      fetch: fetchCommand,
      lake: lakeCommand,
      analyse: analyseCommand,
      schema: schemaCommand,
      export: exportCommand,
      replay: replayCommand,
      release: releaseCommand,
      user: userCommand,
    },
    fallback: "run",
  });
}
