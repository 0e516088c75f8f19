// `deno task archive rollover`: finished days into Parquet, and old ones out of the hot store or off the disk.

import { systemClock } from "../../shared/clock.ts";
import { refuseFlag, type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { expectPermitted, s3Needs } from "../../shared/sandbox.ts";
import { systemRandom } from "../../shared/random.ts";
import { grouped, mebibytes, printable } from "../../shared/text.ts";
import { dayStart } from "../../shared/time.ts";
import type { RolloverAnswer } from "../api/api.ts";
import type { ArchiverConfig } from "../config.ts";
import { publisherOf } from "../publish/publisher.ts";
import { Days, type RolloverRequest } from "../days/days.ts";
import type { RolloverLine } from "../days/rollover.ts";
import { Store } from "../store/store.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./flags.ts";
import { askForLines } from "./ask.ts";

const EXIT_KEPT = 1;

const COMMAND = "deno task archive rollover";

export const rolloverCommand: Subcommand = subcommand({
  name: COMMAND,
  summary:
    "Ask the running archiver to copy finished days to Parquet, each with a manifest, and to publish them\n" +
    "where days.publish says. With --drop, also verify and list the days that retention would drop; with\n" +
    "--apply, drop them. Exit status: 1 if a day was kept that should have been dropped.",
  flags: {
    config: CONFIG_FLAG,
    day: { value: "YYYY-MM-DD", help: "only this day, UTC, once it is over" },
    drop: {
      value: "hot|files|published",
      help: "drop what days.keep_hot or days.keep_files no longer keeps; or take --day back from " +
        "where days.publish put it",
    },
    apply: { type: "boolean", help: "drop the data; without it, only list what would be dropped" },
    offline: {
      type: "boolean",
      help: "open the archive directly; the archiver must not be running",
    },
  },
  examples: [
    "deno task archive rollover --config archiver.yaml",
    "deno task archive rollover --drop hot",
    "deno task archive rollover --drop hot --apply",
    "deno task archive rollover --day 2025-09-26 --drop files --apply",
  ],
}, async ({ config: path, day = null, drop = null, apply, offline }) => {
  if (day !== null && Number.isNaN(dayStart(day))) {
    refuseFlag(COMMAND, "day", day, "a day such as 2025-09-26");
  }
  if (drop !== null && drop !== "hot" && drop !== "files" && drop !== "published") {
    refuseFlag(COMMAND, "drop", drop, "hot or files, or published");
  }
  if (apply && drop === null) {
    throw new UserError(`${COMMAND}: --apply requires --drop`);
  }
  if (drop === "published" && (day === null || !apply)) {
    throw new UserError(
      `${COMMAND}: --drop published requires --day and --apply: it lists nothing`,
    );
  }
  const config = await readArchiverConfig(path);
  if (drop === "published" && config.days.publish === undefined) {
    throw new UserError(`${COMMAND}: ${path} has no days.publish, so no day is published`);
  }
  const request: RolloverRequest = { day, drop, apply };
  const counts = new Map<string, number>();
  const report: Report = (line) => {
    counts.set(line.action, (counts.get(line.action) ?? 0) + 1);
    console.log(lineText(line));
  };
  await (offline ? runHere(config, request, report) : runThere(config, request, report));
  const done = [...counts].map(([action, count]) => `${action.replaceAll(" ", "_")}=${count}`);
  console.log(["rollover:", ...(done.length === 0 ? ["nothing to do"] : done)].join(" "));
  if ([...counts.keys()].some((action) => action.startsWith("would"))) {
    console.log("Nothing was dropped. To drop, add --apply.");
  }
  return counts.has("kept") ? EXIT_KEPT : 0;
});

function lineText({ action, table, day, part, rows, bytes, reason }: RolloverLine): string {
  const columns = [
    action.padEnd(20),
    table.padEnd(8),
    `${day}${part === 0 ? "" : `.${part}`}`.padEnd(13),
    `${grouped(rows)} rows`.padStart(18),
    mebibytes(bytes).padStart(12),
  ];
  return columns.join("  ") + (reason === null ? "" : `  ${printable(reason, 300)}`);
}

type Report = (line: RolloverLine) => void;

async function runThere(config: ArchiverConfig, request: RolloverRequest, report: Report) {
  let isDone = false;
  await askForLines(config, "/rollover", request, (value) => {
    const answer = value as RolloverAnswer;
    if ("error" in answer) {
      throw new UserError(`The rollover stopped: ${printable(answer.error, 500)}`);
    }
    if ("done" in answer) isDone = true;
    else report(answer);
  });
  if (!isDone) {
    throw new UserError("The archiver stopped during the rollover; run the command again");
  }
}

async function runHere(config: ArchiverConfig, request: RolloverRequest, report: Report) {
  const { archive: path, memory_limit: memoryLimitBytes, threads, days: { publish } } = config;
  if (publish) expectPermitted(s3Needs("days.publish", publish), "archiver");
  await using store = await Store.open(
    { path, memoryLimitBytes, threads },
    { clock: systemClock, random: systemRandom },
  );
  const options = { ...config.days, memoryLimitBytes };
  const newPublisher = publisherOf(config.days.publish);
  await using days = new Days(options, { store, clock: systemClock, newPublisher });
  await days.recover();
  await days.run(request, report);
}
