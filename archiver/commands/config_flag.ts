// The flag that every command of the archiver has.

import { readConfig } from "../../shared/config.ts";
import { type ArchiverConfig, ArchiverConfigSchema } from "../config.ts";

/** Names the archiver's config file. */
export const CONFIG_FLAG = {
  type: "string",
  value: "FILE",
  help: "the archiver's config file",
  default: "archiver.yaml",
} as const;

/** Reads that file. @throws {UserError} when it cannot be read or is not as it should be. */
export function readArchiverConfig(path: string): Promise<ArchiverConfig> {
  return readConfig(path, ArchiverConfigSchema);
}
