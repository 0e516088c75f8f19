// `deno task archive run`, the archiver itself, and `deno task archive schema`, its tables on one page.

import { dirname } from "node:path";
import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { configureLog } from "../../shared/log.ts";
import {
  bothNeeds,
  expectPermitted,
  natsNeeds,
  type Need,
  readNeeds,
  s3Needs,
} from "../../shared/sandbox.ts";
import { type ArchiverConfig, SNAPSHOTS_FOLDER } from "../config.ts";
import type { PostgresConfig } from "../postgres/config.ts";
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
function needsOf(config: ArchiverConfig): Need[] {
  const { archive, api, nats, days, analytics, snapshots, postgres, quack } = config;
  const host = api.host.includes(":") ? `[${api.host}]` : api.host;
  return [
    ...bothNeeds("archive", dirname(archive)),
    { kind: "net", key: "api", value: `${host}:${api.port}` },
    ...api.token_file !== null ? bothNeeds("api.token_file", api.token_file) : [],
    ...nats ? natsNeeds("nats", nats) : [],
    ...quack?.token_file ? bothNeeds("quack.token_file", quack.token_file) : [],
    ...bothNeeds("days.folder", days.folder),
    ...days.publish ? s3Needs("days.publish", days.publish) : [],
    ...readNeeds({ "days.publish.lake": days.publish?.lake ?? undefined }),
    ...snapshots.folder === SNAPSHOTS_FOLDER ? [] : bothNeeds("snapshots.folder", snapshots.folder),
    ...analytics.sets.length > 0 ? bothNeeds("analytics.work_folder", analytics.work_folder) : [],
    ...analytics.sets.flatMap(({ folder }) => bothNeeds("analytics.sets.folder", folder)),
    ...postgres ? postgresNeeds(postgres) : [],
  ];
}

function postgresNeeds({ listen: { host, port }, users_file, tls }: PostgresConfig): Need[] {
  const address = host.includes(":") ? `[${host}]` : host;
  return [
    { kind: "net", key: "postgres.listen", value: `${address}:${port}` },
    ...readNeeds({
      "postgres.users_file": users_file ?? undefined,
      "postgres.tls.cert_file": tls?.cert_file,
      "postgres.tls.key_file": tls?.key_file,
    }),
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
