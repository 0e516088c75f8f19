// `deno task archive rollover`: finished days into Parquet, and old ones out of the hot store or off the disk.

import { systemClock } from "../../shared/clock.ts";
import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { systemRandom } from "../../shared/random.ts";
import { printable } from "../../shared/text.ts";
import { dayStart } from "../../shared/time.ts";
import type { RolloverAnswer } from "../api/api.ts";
import type { ArchiverConfig } from "../config.ts";
import { Days, type RolloverRequest } from "../days/days.ts";
import type { RolloverLine } from "../days/rollover.ts";
import { Store } from "../store/store.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./config_flag.ts";
import { askForLines } from "./running.ts";

const EXIT_KEPT = 1;
const MIB = 1024 ** 2;

export const rolloverCommand: Subcommand = subcommand({
  name: "deno task archive rollover",
  summary:
    "Copies finished days into Parquet, with a manifest each. With --drop it also says which days\n" +
    "would be dropped, after it verified them, and with --apply it drops them. The running archiver does\n" +
    "the work. Ends with 1 when something was kept that should have been dropped.",
  flags: {
    config: CONFIG_FLAG,
    day: {
      type: "string",
      value: "YYYY-MM-DD",
      help: "this day (UTC) alone, as soon as it is over",
    },
    drop: {
      type: "string",
      value: "hot|files",
      help: "drop what days.keep_hot or days.keep_files no longer keeps",
    },
    apply: { type: "boolean", help: "really drop; else it is only told what would be" },
    offline: { type: "boolean", help: "open the archive here: for when no archiver runs" },
  },
  examples: [
    "deno task archive rollover --config archiver.yaml",
    "deno task archive rollover --drop hot",
    "deno task archive rollover --drop hot --apply",
    "deno task archive rollover --day 2025-09-26 --drop files --apply",
  ],
}, async ({ config: path, day = null, drop = null, apply, offline }) => {
  if (day !== null && Number.isNaN(dayStart(day))) {
    throw new UserError(`--day is "${printable(day)}"; it should be a day such as 2025-09-26`);
  }
  if (drop !== null && drop !== "hot" && drop !== "files") {
    throw new UserError(`--drop is "${printable(drop)}"; it should be hot or files`);
  }
  if (apply && drop === null) {
    throw new UserError("--apply needs --drop hot or --drop files: nothing is dropped without");
  }
  const config = await readArchiverConfig(path);
  const request: RolloverRequest = { day, drop, apply };
  const counts = new Map<string, number>();
  const tell = (line: RolloverLine) => {
    counts.set(line.action, (counts.get(line.action) ?? 0) + 1);
    console.log(lineText(line));
  };
  await (offline ? runHere(config, request, tell) : runThere(config, request, tell));
  const done = [...counts].map(([action, count]) => `${action.replaceAll(" ", "_")}=${count}`);
  console.log(["rollover:", ...(done.length === 0 ? ["nothing to do"] : done)].join(" "));
  if ([...counts.keys()].some((action) => action.startsWith("would"))) {
    console.log("Nothing was dropped; with --apply it is.");
  }
  return counts.has("kept") ? EXIT_KEPT : 0;
});

function lineText({ action, table, day, part, rows, bytes, reason }: RolloverLine): string {
  const size = `${(bytes / MIB).toFixed(1)} MiB`.padStart(12);
  const columns = [
    action.padEnd(20),
    table.padEnd(8),
    `${day}${part === 0 ? "" : `.${part}`}`.padEnd(13),
    `${rows.toLocaleString("en")} rows`.padStart(18),
    size,
  ];
  return columns.join("  ") + (reason === null ? "" : `  ${printable(reason, 300)}`);
}

async function runThere(
  { api }: ArchiverConfig,
  request: RolloverRequest,
  tell: (line: RolloverLine) => void,
): Promise<void> {
  let isDone = false;
  await askForLines(api, "/rollover", request, (value) => {
    const answer = value as RolloverAnswer;
    if ("error" in answer) {
      throw new UserError(`The rollover stopped: ${printable(answer.error, 500)}`);
    }
    if ("done" in answer) isDone = true;
    else tell(answer);
  });
  if (!isDone) throw new UserError("The archiver ended before the rollover did; ask it again");
}

async function runHere(
  config: ArchiverConfig,
  request: RolloverRequest,
  tell: (line: RolloverLine) => void,
): Promise<void> {
  const { archive: path, memory_limit: memoryLimitBytes, threads } = config;
  await using store = await Store.open(
    { path, memoryLimitBytes, threads },
    { clock: systemClock, random: systemRandom },
  );
  await using days = new Days(
    { ...config.days, memoryLimitBytes },
    { store, clock: systemClock },
  );
  await days.recover();
  await days.run(request, tell);
}
