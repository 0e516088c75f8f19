// `deno task archive snapshot`: a copy of the archive that the running archiver writes.

import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import type { SnapshotFile } from "../snapshots/snapshots.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./flags.ts";
import { askArchiver } from "./running.ts";

/** Longer than the archiver lets a copy last. */
const ANSWER_MS = 2 * 3_600_000;
const CREATED = 201;

export const snapshotCommand: Subcommand = subcommand({
  name: "deno task archive snapshot",
  summary:
    "Asks the running archiver for a consistent copy of its archive, to open with DuckDB or any tool\n" +
    "that reads its files. Ingest continues. Prints the copy's path.",
  flags: { config: CONFIG_FLAG },
  examples: [
    "deno task archive snapshot --config archiver.yaml",
    'duckdb -readonly "$(deno task --quiet archive snapshot)"',
  ],
}, async ({ config: path }) => {
  const { api } = await readArchiverConfig(path);
  const request = { path: "/snapshots", method: "POST" } as const;
  const { status, body } = await askArchiver(api, request, ANSWER_MS);
  if (status !== CREATED) {
    const { error } = body as { error?: string };
    throw new UserError(`Cannot make a snapshot: ${printable(String(error), 500)}`);
  }
  console.log((body as SnapshotFile).path);
});
