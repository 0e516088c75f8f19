// Flags that commands of the archiver share, and the config they name.

import * as v from "valibot";
import { readConfig } from "../../shared/config.ts";
import { expectPermitted } from "../../shared/sandbox.ts";
import { type ArchiverConfig, ArchiverConfigSchema } from "../config.ts";

/** Names the archiver's config file. */
export const CONFIG_FLAG = {
  type: "string",
  value: "FILE",
  help: "the archiver's config file",
  default: "archiver.yaml",
} as const;

/** Names an archive: the config's, or any. */
export const ARCHIVE_FLAGS = {
  config: CONFIG_FLAG,
  archive: {
    type: "string",
    value: "FILE",
    help: "use this archive and no config file",
  },
} as const;

/** Reads the config file. @throws {UserError} when it is unreadable or breaks the schema. */
export function readArchiverConfig(path: string): Promise<ArchiverConfig> {
  expectPermitted([{ kind: "read", key: "--config", value: path }], "archiver");
  return readConfig(path, ArchiverConfigSchema);
}

/** The config that {@link ARCHIVE_FLAGS} mean. Throws as {@link readArchiverConfig} does. */
export async function archiveConfig(
  { config, archive }: { readonly config: string; readonly archive?: string },
): Promise<ArchiverConfig> {
  if (archive === undefined) return await readArchiverConfig(config);
  return { ...v.parse(ArchiverConfigSchema, {}), archive };
}
