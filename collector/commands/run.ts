import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { configureLog, logger } from "../../shared/log.ts";
import { run } from "../run.ts";
import { CONFIG_FLAG, readCollectorConfig } from "../config.ts";
import { checkSandbox } from "./sandbox.ts";
import { PROGRAM } from "../program.ts";

/** All is well, but batches stay in the spool for the next run. */
const EXIT_LEFT_IN_SPOOL = 3;

export const runCommand: Subcommand = subcommand({
  name: `${PROGRAM} run`,
  summary:
    "Connect to Lightning nodes, record every gossip message they send, and deliver the records to\n" +
    "an archiver. Exit status: 0 all delivered, 2 something in the config must be fixed, 3 batches\n" +
    "are left in the spool for the next run.",
  flags: { config: CONFIG_FLAG },
  examples: [`${PROGRAM} --config /etc/gossip-observer/collector.yaml`],
}, async ({ config: path }) => {
  const config = await readCollectorConfig(path);
  await configureLog(config.log);
  for (const warning of await checkSandbox(config)) {
    logger("collector").warning("{warning}", { warning });
  }
  const { left } = await run(config, { signal: stopSignal() });
  return left === 0 ? 0 : EXIT_LEFT_IN_SPOOL;
});
