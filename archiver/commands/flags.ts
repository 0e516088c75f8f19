// Flags that commands of the archiver share, and the config they name.

import { dirname } from "node:path";
import * as v from "valibot";
import { readConfig } from "../../shared/config.ts";
import { bothNeeds, expectPermitted, type Need, type Program } from "../../shared/sandbox.ts";
import { type ArchiverConfig, ArchiverConfigSchema } from "../config.ts";

export const CONFIG_FLAG = {
  type: "string",
  value: "FILE",
  help: "the archiver's config file",
  default: "archiver.yaml",
} as const;

/** Names an archive: the config's, or any. */
export const ARCHIVE_FLAGS = {
  config: CONFIG_FLAG,
  archive: { value: "FILE", help: "use this archive and no config file" },
} as const;

/** Reads the config file. @throws {UserError} when it is unreadable or breaks the schema. */
export function readArchiverConfig(
  path: string,
  program: Program = "archiver",
): Promise<ArchiverConfig> {
  expectPermitted([{ kind: "read", key: "--config", value: path }], program);
  return readConfig(path, ArchiverConfigSchema, "archiver/archiver.example.yaml");
}

/**
 * The config that {@link ARCHIVE_FLAGS} mean, with its archive in the sandbox's reach.
 * @param written whether the archive is written, which takes its folder. @param more what else the command needs. @throws {UserError} as
 * {@link readArchiverConfig}; with the command that opens the sandbox for the archive.
 */
export async function archiveConfig(
  { config, archive }: { readonly config: string; readonly archive?: string },
  written: boolean,
  more: readonly Need[] = [],
): Promise<ArchiverConfig> {
  const found = archive === undefined
    ? await readArchiverConfig(config)
    : { ...v.parse(ArchiverConfigSchema, {}), archive };
  const path = found.archive;
  const key = archive === undefined ? "archive" : "--archive";
  const read = { kind: "read", key, value: path } as const;
  const needs = written ? bothNeeds(key, dirname(path)) : [read];
  expectPermitted([...needs, ...more], "archiver");
  return found;
}
