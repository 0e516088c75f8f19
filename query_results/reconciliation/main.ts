// `deno task lab`: what set reconciliation would save, from recorded and simulated receipts.

import { runProgram } from "../../shared/cli.ts";
import { calibrateCommand } from "./calibration/command.ts";
import { replayCommand } from "./replay_command.ts";
import { trafficCommand } from "./traffic_command.ts";
import { simulateCommand } from "./simulator/command.ts";

if (import.meta.main) {
  await runProgram({
    name: "deno task lab",
    summary:
      "The reconciliation lab: what set reconciliation would save, from recorded and\nsimulated receipts.",
    commands: {
      replay: replayCommand,
      calibrate: calibrateCommand,
      simulate: simulateCommand,
      traffic: trafficCommand,
    },
  });
}
