// The two programs as the demo starts them: real processes, each under its own permission set and no more than the
// demo's loopback and folder beside it.

import { join } from "node:path";
import { startProgram } from "../support/servers/process.ts";
import { freePort } from "../support/servers/free_port.ts";
import { archiverConfig, collectorConfig, type CollectorSettings } from "./configs.ts";
import type { DemoFolder } from "./folder.ts";
import type { Child } from "./watch.ts";

/** A running archiver. */
export interface ArchiverChild extends Child {
  /** Its API's base URL. */
  readonly url: string;
  /** Receipts it has committed; null while its API does not answer. */
  receipts(): Promise<number | null>;
}

/** What of the archiver's `/status` the demo reads. */
interface Status {
  readonly collectors: readonly { readonly receipts: number }[];
}

const STATUS_MILLISECONDS = 5000;

/**
 * Starts the archiver, without waiting for it to be ready.
 *
 * @param natsServer where batches come from beside the API, with its `host:port`; null: from nowhere else.
 */
export async function startArchiver(
  folder: DemoFolder,
  natsServer: { readonly url: string; readonly address: string } | null,
): Promise<ArchiverChild> {
  const port = freePort();
  const config = join(folder.run, "archiver.yaml");
  await Deno.writeTextFile(
    config,
    archiverConfig({ archive: folder.archive, port, natsServer: natsServer?.url ?? null }),
  );
  const hosts = [`127.0.0.1:${port}`, ...natsServer ? [natsServer.address] : []];
  const process = startProgram("archiver/main.ts", ["--config", config], [
    "-P=archiver",
    `--allow-net=${hosts}`,
    `--allow-read=${folder.path}`,
    `--allow-write=${folder.path}`,
  ]);
  const url = `http://127.0.0.1:${port}`;
  return {
    name: "archiver",
    process,
    url,
    async receipts() {
      try {
        const signal = AbortSignal.timeout(STATUS_MILLISECONDS);
        const response = await fetch(`${url}/status`, { signal });
        const status = await response.json() as Status;
        return status.collectors.reduce((sum, { receipts }) => sum + receipts, 0);
      } catch {
        return null; // not up yet, or busy: asked again soon
      }
    },
  };
}

/**
 * Starts the collector.
 *
 * @param natsAddress the broker's `host:port`; null without one.
 */
export async function startCollector(
  folder: DemoFolder,
  settings: Omit<CollectorSettings, "dataDir">,
  natsAddress: string | null,
): Promise<Child> {
  const config = join(folder.run, "collector.yaml");
  const dataDir = join(folder.run, "collector-data");
  await Deno.writeTextFile(config, collectorConfig({ ...settings, dataDir }));
  const hosts = ["127.0.0.0/8", ...natsAddress === null ? [] : [natsAddress]];
  const process = startProgram("collector/main.ts", ["--config", config], [
    "-P=collector",
    `--allow-net=${hosts}`,
    `--allow-read=${folder.run},${join(folder.path, "token")}`,
    `--allow-write=${dataDir}`,
  ]);
  return { name: "collector", process };
}
