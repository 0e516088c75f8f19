/**
 * The archiver's command line. See `archiver.example.yaml` for its config.
 *
 * @module
 */
import { runMain, stopSignal } from "../shared/cli.ts";
import { readConfig } from "../shared/config.ts";
import { configureLog } from "../shared/log.ts";
import { ArchiverConfigSchema } from "./config.ts";
import { runArchiver } from "./run.ts";

if (import.meta.main) {
  await runMain({
    name: "deno task archive",
    summary: "Takes batches from collectors, through NATS or HTTP, and archives them in DuckDB.",
    flags: {
      config: {
        type: "string",
        value: "FILE",
        help: "the config file",
        default: "archiver.yaml",
      },
    },
    examples: ["deno task archive --config archiver/archiver.example.yaml"],
  }, async ({ config: path }) => {
    const config = await readConfig(path, ArchiverConfigSchema);
    await configureLog(config.log);
    await runArchiver(config, stopSignal());
  });
}
