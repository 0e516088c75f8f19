// `deno task archive import`: takes over what another observer recorded.

import { DuckDBInstance } from "@duckdb/node-api";
import * as v from "valibot";
import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { systemClock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { type Output, standardOutput } from "../../shared/output.ts";
import { ArchiverConfigSchema } from "../config.ts";
import { countsTable, isAccounted } from "../import/counts.ts";
import { countDirections, lookAt, runImport } from "../import/run.ts";
import { Database } from "../store/database.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./config_flag.ts";

const EXIT_MISFIT = 1;
const EXIT_STOPPED = 1;

/** 16 of DuckDB's row groups: some 150 MiB while they are joined. */
const DEFAULT_ROWS_PER_COMMIT = 1_966_080;

export const importCommand: Subcommand = subcommand({
  name: "deno task archive import",
  summary:
    "Takes over what the first Gossip Observer or its successor recorded. The archiver must not\n" +
    "run meanwhile.",
  details:
    "The source is a folder: what EXPORT DATABASE made of the first observer's DuckDB file\n" +
    "(messages.parquet, metadata.parquet and timings.parquet, each a file or a folder of files), or\n" +
    "the successor's daily files (TABLE/YYYY/MM/DD/TABLE_YYYY-MM-DD.parquet). Killed or stopped, it\n" +
    "goes on where it was when it is called again; called once more, it changes nothing; daily files\n" +
    "that came since are added. A file that changed since is refused.\n" +
    "\n" +
    "How columns are encoded is detected and told; what fits nothing known is refused. Rows that are\n" +
    "not taken are counted with the reason, such as a timing whose message is not in the source.\n" +
    "- dir: only what came in (1) is a receipt; what went out to a peer (2) is counted and left.\n" +
    "- Timestamps without a time zone are UTC.\n" +
    "- The export of 2025 kept no signatures. Zero bytes stand in their place, so that all but the\n" +
    "  SHA-256 of its messages is right. No signature is checked in any case.\n" +
    "- Sessions are made up: one a collector and peer, from its first receipt to its last.\n" +
    "- is_warmup tells backlog by the message's own timestamp alone: nothing tells when a peer was\n" +
    "  connected.\n" +
    "- inner_hash, orig_timestamp, size, orig_node and scid are not taken: the bytes tell them.\n" +
    "\n" +
    "Ends with 1 when counts in and out differ, or when it was stopped.",
  flags: {
    from: { type: "string", value: "FOLDER", help: "the source; must be given" },
    config: CONFIG_FLAG,
    archive: {
      type: "string",
      value: "FILE",
      help: "this archive instead of the config's; no config is read then",
    },
    "collector-prefix": {
      type: "string",
      value: "TEXT",
      help: "put before the names of its collectors, to keep them apart",
    },
    "rows-per-commit": {
      type: "number",
      value: "ROWS",
      help: "rows of timings in one transaction",
      default: DEFAULT_ROWS_PER_COMMIT,
      min: 1,
      max: 100_000_000,
    },
    "dry-run": { type: "boolean", help: "only tell what is there and how it would be read" },
  },
  examples: [
    "deno task archive import --from /data/dump_0926T195046 --dry-run",
    "deno task archive import --from /data/dump_0926T195046 --archive archive/2025.duckdb",
    "deno task archive import --from /data/gossip-observer-data --collector-prefix successor-",
  ],
}, async (flags) => {
  const { from, "collector-prefix": prefix = "", "rows-per-commit": rowsPerCommit } = flags;
  if (from === undefined) {
    throw new UserError("deno task archive import: --from is missing; see --help");
  }
  const display = standardOutput();
  if (flags["dry-run"]) return await look(from, display);
  const config = flags.archive === undefined
    ? await readArchiverConfig(flags.config)
    : v.parse(ArchiverConfigSchema, {});
  const path = flags.archive ?? config.archive;
  const database = await Database.open({
    path,
    memoryLimitBytes: config.memory_limit,
    threads: config.threads,
  });
  try {
    const outcome = await runImport({
      connection: database.writing,
      folder: from,
      prefix,
      rowsPerCommit,
      clock: systemClock,
      display,
      signal: stopSignal(),
    });
    await database.checkpoint();
    if (outcome.status === "stopped") {
      console.log("import: stopped; the same command goes on with it");
      return EXIT_STOPPED;
    }
    if (outcome.status === "unchanged") {
      console.log(`import: all of it was in ${path} already; nothing changed`);
      return 0;
    }
    console.log(countsTable(outcome.counts));
    const fits = outcome.counts.every(isAccounted);
    console.log(`import: finished counts=${fits ? "fit" : "DIFFER"} archive=${path}`);
    return fits ? 0 : EXIT_MISFIT;
  } finally {
    await database.close();
  }
});

async function look(folder: string, display: Output): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  try {
    const { source, encodings } = await lookAt(connection, folder, display);
    for (const line of await countDirections(connection, source, encodings)) {
      display.write(`  timings of ${line}\n`);
    }
    display.write("import: dry run, nothing was written\n");
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
