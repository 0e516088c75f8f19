// `deno task archive analyse`: a set of queries now, rather than when it is due.

import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import type { EndedRunStatus } from "../analytics/status.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./config_flag.ts";
import { askArchiver } from "./running.ts";

/** What the archiver gets beyond analytics.run_timeout to stop a run and to answer. */
const ANSWER_MS = 60_000;

export const analyseCommand: Subcommand = subcommand({
  name: "deno task archive analyse",
  summary:
    "Lets the running archiver run a set of its config's analytics.sets now, though its window may be\n" +
    "done already. Prints the path of the report; `deno task archive status` tells how far it is.",
  flags: {
    config: CONFIG_FLAG,
    set: { type: "string", value: "NAME", help: "the set; may be left out when there is only one" },
    day: {
      type: "string",
      value: "YYYY-MM-DD",
      help: "the first day of the window (UTC); the window that is due now when absent",
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
        ? `There is nothing to run: analytics.sets of ${path} is empty`
        : `--set should name one of ${names.join(", ")}`,
    );
  }
  const query = day === undefined ? "" : `?day=${encodeURIComponent(day)}`;
  const request = {
    path: `/analytics/${encodeURIComponent(name)}${query}`,
    method: "POST",
  } as const;
  const answer = await askArchiver(api, request, analytics.run_timeout + ANSWER_MS);
  const { folder, error } = answer.body as Partial<EndedRunStatus>;
  if (!folder) throw new UserError(`No report was made: ${printable(String(error), 500)}`);
  console.log(folder);
});
