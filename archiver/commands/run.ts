// `deno task archive run`: the archiver itself.

import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { configureLog } from "../../shared/log.ts";
import { runArchiver } from "../run.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./flags.ts";

export const runCommand: Subcommand = subcommand({
  name: "deno task archive run",
  summary: "Receives batches from collectors over NATS or HTTP and archives them in DuckDB.",
  flags: { config: CONFIG_FLAG },
  examples: ["deno task archive --config archiver.yaml"],
}, async ({ config: path }) => {
  const config = await readArchiverConfig(path);
  await configureLog(config.log);
  await runArchiver(config, stopSignal());
});
