import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { configureLog } from "../../shared/log.ts";
import { run } from "../run.ts";
import { CONFIG_FLAG, readCollectorConfig } from "../config.ts";
import { PROGRAM } from "../program.ts";

/** All is well, but batches stay in the spool for the next run. */
const EXIT_LEFT_IN_SPOOL = 3;

export const runCommand: Subcommand = subcommand({
  name: `${PROGRAM} run`,
  summary:
    "Connects to Lightning nodes, records every gossip message that they send, and delivers\n" +
    "the records to an archiver. Ends with 0 when all was delivered, 2 when something in its\n" +
    "config must be mended, 3 when batches are left in the spool for the next run.",
  flags: { config: CONFIG_FLAG },
  examples: [`${PROGRAM} --config /etc/gossip-observer/collector.yaml`],
}, async ({ config: path }) => {
  const config = await readCollectorConfig(path);
  await configureLog(config.log);
  const { left } = await run(config, { signal: stopSignal() });
  return left === 0 ? 0 : EXIT_LEFT_IN_SPOOL;
});
