// `deno task archive run`, the archiver itself, and `deno task archive schema`, its tables on one page.

import { dirname } from "node:path";
import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { configureLog } from "../../shared/log.ts";
import { bothNeeds, expectPermitted, natsNeeds, type Need } from "../../shared/sandbox.ts";
import { type ArchiverConfig, SNAPSHOTS_FOLDER } from "../config.ts";
import { runArchiver } from "../run.ts";
import { readSchema, schemaPage } from "../schema/page.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./flags.ts";

export const runCommand: Subcommand = subcommand({
  name: "deno task archive run",
  summary: "Receive batches from collectors over NATS or HTTP and archive them in DuckDB.",
  flags: { config: CONFIG_FLAG },
  examples: ["deno task archive --config archiver.yaml"],
}, async ({ config: path }) => {
  const config = await readArchiverConfig(path);
  expectPermitted(needsOf(config), "archiver");
  await configureLog(config.log);
  await runArchiver(config, stopSignal());
});

/** What the config needs of the sandbox. The default folder of snapshots is in it, unless flags take it out. */
function needsOf({ archive, api, nats, days, analytics, snapshots }: ArchiverConfig): Need[] {
  const host = api.host.includes(":") ? `[${api.host}]` : api.host;
  return [
    ...bothNeeds("archive", dirname(archive)),
    { kind: "net", key: "api", value: `${host}:${api.port}` },
    ...api.token_file !== null ? bothNeeds("api.token_file", api.token_file) : [],
    ...nats ? natsNeeds("nats", nats) : [],
    ...bothNeeds("days.folder", days.folder),
    ...snapshots.folder === SNAPSHOTS_FOLDER ? [] : bothNeeds("snapshots.folder", snapshots.folder),
    ...analytics.sets.length > 0 ? bothNeeds("analytics.work_folder", analytics.work_folder) : [],
    ...analytics.sets.flatMap(({ folder }) => bothNeeds("analytics.sets.folder", folder)),
  ];
}

export const schemaCommand: Subcommand = subcommand({
  name: "deno task archive schema",
  summary: "Print a Markdown page on every table and column of an archive.",
  flags: {},
  examples: ["deno task --quiet archive schema > schema.md"],
}, async () => {
  console.log(schemaPage(await readSchema()).trimEnd());
});
