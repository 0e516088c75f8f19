// `deno task archive analyse`: a set of queries now, rather than when it is due.

import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import type { EndedRunStatus } from "../analytics/status.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./flags.ts";
import { askArchiver } from "./running.ts";

/** What the archiver gets beyond analytics.run_timeout to stop a run and to answer. */
const ANSWER_MS = 60_000;

export const analyseCommand: Subcommand = subcommand({
  name: "deno task archive analyse",
  summary:
    "Asks the running archiver to run a set of its config's analytics.sets now, even if its window is\n" +
    "done already. Prints the report's path. For progress, run `deno task archive status`.",
  flags: {
    config: CONFIG_FLAG,
    set: { type: "string", value: "NAME", help: "the set; optional if the config has only one" },
    day: {
      type: "string",
      value: "YYYY-MM-DD",
      help: "first day of the window, UTC (default: the window due now)",
    },
  },
  examples: [
    "deno task archive analyse --config archiver.yaml",
    "deno task archive analyse --set daily --day 2025-09-26",
  ],
}, async ({ config: path, set, day }) => {
  const { api, analytics } = await readArchiverConfig(path);
  const names = analytics.sets.map(({ name }) => name);
  const name = set ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined) {
    throw new UserError(
      names.length === 0
        ? `Nothing to run: analytics.sets in ${path} is empty`
        : `deno task archive analyse: --set is required: one of ${names.join(", ")}`,
    );
  }
  const query = day === undefined ? "" : `?day=${encodeURIComponent(day)}`;
  const request = {
    path: `/analytics/${encodeURIComponent(name)}${query}`,
    method: "POST",
  } as const;
  const answer = await askArchiver(api, request, analytics.run_timeout + ANSWER_MS);
  const { folder, error } = answer.body as Partial<EndedRunStatus>;
  if (!folder) throw new UserError(`Cannot make a report: ${printable(String(error), 500)}`);
  console.log(folder);
});
