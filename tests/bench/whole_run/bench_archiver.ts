// The archiver as its users run it: its own permission set, its defaults, a config file.

import { freePort } from "../../support/servers/free_port.ts";
import { type Process, startProgram } from "../../support/servers/process.ts";
import { LONGEST_MILLISECONDS } from "./children.ts";

/** Of DuckDB, as the archiver's own defaults are: what is held against it gets the same. */
export const ARCHIVER_MEMORY = "1GiB";
/** See {@link ARCHIVER_MEMORY}. */
export const ARCHIVER_THREADS = 2;

/** The worker of its analytics reads its own source. */
const SOURCES: readonly string[] = ["archiver", "query_results", "shared"].map((folder) =>
  new URL(`../../../${folder}/`, import.meta.url).pathname
);

/** Where its files are, and its broker. */
export interface BenchArchiverOptions {
  /** An existing folder. */
  readonly dir: string;
  /** The NATS server. */
  readonly nats: string;
  /** How many batches its stream may hold. */
  readonly maxBatches: number;
  /** A set of all queries, to be run on demand; none when absent. */
  readonly queries?: { readonly memoryLimit: string };
}

/** Once a year, so that it is asked for rather than due. */
function analytics(dir: string, memoryLimit: string): string {
  return `analytics:
  sets:
    - name: all
      cron: "0 0 1 1 *"
      folder: ${dir}/reports
  work_folder: ${dir}/work
  memory_limit: ${memoryLimit}
  max_copy: 64GiB
`;
}

/** A running archiver. */
export interface BenchArchiver extends AsyncDisposable {
  /** It. */
  readonly process: Process;
  /** Runs a subcommand of `deno task archive` beside it. @returns its lines. @throws {Error} when it fails. */
  command(name: string, ...flags: string[]): Promise<readonly string[]>;
}

/** The archive's file in `dir`. */
export function archiveIn(dir: string): string {
  return `${dir}/archive.duckdb`;
}

/** The folder of its days' files in `dir`. */
export function daysIn(dir: string): string {
  return `${dir}/days`;
}

/** Starts it on {@link archiveIn} of its folder. */
export async function startBenchArchiver(options: BenchArchiverOptions): Promise<BenchArchiver> {
  const { dir, nats, maxBatches, queries } = options;
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
days:
  folder: ${daysIn(dir)}
  # On demand only.
  after: 30d
${queries ? analytics(dir, queries.memoryLimit) : ""}log:
  format: text
`,
  );
  const permissions = [
    "-P=archiver",
    "--allow-net=127.0.0.1",
    `--allow-read=${[dir, ...SOURCES].join(",")}`,
    `--allow-write=${dir}`,
  ];
  const process = startProgram("archiver/main.ts", ["--config", config], permissions);
  return {
    process,
    async command(name, ...flags) {
      const args = [name, "--config", config, ...flags];
      await using command = startProgram("archiver/main.ts", args, permissions);
      const { success } = await command.wait(LONGEST_MILLISECONDS);
      if (success) return command.lines;
      throw new Error(`archive ${name} failed:\n${command.lines.slice(-20).join("\n")}`);
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
