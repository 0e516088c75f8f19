/**
 * The flag that names the config file, and reading it.
 *
 * @module
 */
import type { Flag } from "../../shared/cli.ts";
import { readConfig } from "../../shared/config.ts";
import { type CollectorConfig, CollectorConfigSchema } from "../config.ts";

/** `--config FILE`. */
export const CONFIG_FLAG = {
  type: "string",
  value: "FILE",
  help: "the config file",
  default: "collector.yaml",
} as const satisfies Flag;

/** Reads a collector's config. @throws {UserError} when it cannot be read, or has faults: all of them. */
export function readCollectorConfig(path: string): Promise<CollectorConfig> {
  return readConfig(path, CollectorConfigSchema);
}
