// The project's own programs as real processes, for tests that kill them.

import { openApiToken } from "../../../archiver/api/access.ts";
import { authorization, readApiToken } from "../../../shared/api_token.ts";
import { freePort } from "./free_port.ts";
import { type Process, startProgram } from "./process.ts";

/** The keys of a collector's config that tests set; see `collector/collector.example.yaml`. */
export type CollectorKeys = {
  readonly name: string;
  readonly uplink: Record<string, unknown>;
  readonly peers: Record<string, unknown>;
} & Record<string, unknown>;

/**
 * Starts `collector/main.ts` with its config, data and peer file inside `dir`, and access to loopback only.
 *
 * @param dir an existing folder, absolute.
 */
export async function startCollector(dir: string, keys: CollectorKeys): Promise<Process> {
  const config = `${dir}/collector-${keys.name}.yaml`;
  const data_dir = `${dir}/collector-${keys.name}`;
  const uplink = keys.uplink.kind === "local"
    ? { token_file: `${dir}/token`, ...keys.uplink }
    : keys.uplink;
  await writeConfig(config, { data_dir, log: JSON_LOG, ...keys, uplink });
  return startProgram("collector/main.ts", ["--config", config], [
    "--ignore-env",
    "--allow-net=127.0.0.1",
    `--allow-read=${dir}`,
    `--allow-write=${dir}`,
  ]);
}

/** A running archiver. */
export interface ArchiverProcess extends AsyncDisposable {
  /** Its process. */
  readonly process: Process;
  /** The archive's file. */
  readonly archive: string;
  /**
   * GET of a path of its API, as JSON; null while nothing answers there.
   *
   * @throws {Error} with the answer when that is no success.
   */
  get(path: string): Promise<unknown>;
}

/** Where an archiver's archive and broker are. */
export interface ArchiverOptions {
  /** An existing folder, absolute; the archive is `archive.duckdb` in it. */
  readonly dir: string;
  /** The NATS server's URL; batches come through the API only when absent. */
  readonly nats?: string;
  /** The API's port; one of its own when absent. */
  readonly port?: number;
}

/** Starts `archiver/main.ts`, without waiting for it to be ready. */
export async function startArchiver(options: ArchiverOptions): Promise<ArchiverProcess> {
  const { dir, nats, port = freePort() } = options;
  const config = `${dir}/archiver-${port}.yaml`;
  const archive = `${dir}/archive.duckdb`;
  await writeConfig(config, {
    archive,
    days: { folder: `${dir}/days` },
    memory_limit: "256MiB",
    api: { port, viewers: 16 },
    ...nats && { nats: { servers: [nats] } },
    log: JSON_LOG,
  });
  const process = startProgram("archiver/main.ts", ["--config", config], [
    "--ignore-env",
    "--allow-net=127.0.0.1",
    `--allow-read=${dir}`,
    `--allow-write=${dir}`,
    "--allow-ffi",
  ]);
  return {
    process,
    archive,
    async get(path) {
      let response: Response;
      try {
        response = await fetch(`http://127.0.0.1:${port}${path}`);
        if (response.ok) return await response.json();
      } catch (error) {
        // Not there yet, or killed while it answered.
        if (error instanceof TypeError) return null;
        throw error;
      }
      throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

const JSON_LOG = { level: "debug", format: "json" };

/** JSON is YAML. */
async function writeConfig(path: string, keys: Record<string, unknown>): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(keys, null, 2));
}

/** Makes a token in `dir`, as an archiver does; returns its path. */
export async function writeToken(dir: string): Promise<string> {
  const path = `${dir}/token`;
  await openApiToken(path);
  return path;
}

/** The header with the token of the archiver whose archive is in `dir`. */
export async function tokenHeader(dir: string): Promise<{ readonly authorization: string }> {
  return authorization(await readApiToken(`${dir}/token`));
}
