/**
 * The collector's command line. See `collector.example.yaml` for its config.
 *
 * @module
 */
import { runMain, stopSignal } from "../shared/cli.ts";
import { readConfig } from "../shared/config.ts";
import { configureLog } from "../shared/log.ts";
import { CollectorConfigSchema } from "./config.ts";
import { run } from "./run.ts";

/** All is well, but batches stay in the spool for the next run. */
const EXIT_LEFT_IN_SPOOL = 3;

if (import.meta.main) {
  await runMain({
    name: "deno task collect",
    summary:
      "Connects to Lightning nodes, records every gossip message that they send, and delivers\n" +
      "the records to an archiver. Ends with 0 when all was delivered, 2 when something in its\n" +
      "config must be mended, 3 when batches are left in the spool for the next run.",
    flags: {
      config: {
        type: "string",
        value: "FILE",
        help: "the config file",
        default: "collector.yaml",
      },
    },
    examples: ["deno task collect --config /etc/gossip-observer/collector.yaml"],
  }, async ({ config: path }) => {
    const config = await readConfig(path, CollectorConfigSchema);
    await configureLog(config.log);
    const { left } = await run(config, { signal: stopSignal() });
    return left === 0 ? 0 : EXIT_LEFT_IN_SPOOL;
  });
}
