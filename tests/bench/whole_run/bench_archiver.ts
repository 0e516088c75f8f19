/**
 * The archiver as its users run it: its own permission set, its defaults, a config file.
 *
 * @module
 */
import { freePort } from "../../support/free_port.ts";
import { type Process, startProgram } from "../../support/process.ts";

/** Of DuckDB, as the archiver's own defaults are: what is held against it gets the same. */
export const ARCHIVER_MEMORY = "1GiB";
/** See {@link ARCHIVER_MEMORY}. */
export const ARCHIVER_THREADS = 2;

/** Where its files are, and its broker. */
export interface BenchArchiverOptions {
  /** An existing folder. */
  readonly dir: string;
  /** The NATS server. */
  readonly nats: string;
  /** How many batches its stream may hold. */
  readonly maxBatches: number;
}

/** A running archiver. */
export interface BenchArchiver extends AsyncDisposable {
  /** It. */
  readonly process: Process;
  /** Its config file. */
  readonly config: string;
  /** Flags of `deno run` with which its commands may do their work. */
  readonly permissions: readonly string[];
}

/** The archive's file in `dir`. */
export function archiveIn(dir: string): string {
  return `${dir}/archive.duckdb`;
}

/** Starts it on {@link archiveIn} of its folder. */
export async function startBenchArchiver(options: BenchArchiverOptions): Promise<BenchArchiver> {
  const { dir, nats, maxBatches } = options;
  const config = `${dir}/archiver.yaml`;
  await Deno.writeTextFile(
    config,
    `archive: ${archiveIn(dir)}
memory_limit: ${ARCHIVER_MEMORY}
threads: ${ARCHIVER_THREADS}
api:
  port: ${freePort()}
nats:
  servers: [${nats}]
  max_batches: ${maxBatches}
snapshots:
  folder: ${dir}/snapshots
log:
  format: text
`,
  );
  const permissions = [
    "-P=archiver",
    "--allow-net=127.0.0.1",
    `--allow-read=${dir}`,
    `--allow-write=${dir}`,
  ];
  const process = startProgram("archiver/main.ts", ["--config", config], permissions);
  return {
    process,
    config,
    permissions,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
