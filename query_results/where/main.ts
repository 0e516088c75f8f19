import { runMain, stopSignal } from "../../shared/cli.ts";
import { systemClock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { bothNeeds, expectPermitted, readNeeds } from "../../shared/sandbox.ts";
import { interruptAll, openArchive } from "../archive/open.ts";
import { DEFINITIONS } from "../catalog/catalog.ts";
import { writeWhole } from "../format/whole_files.ts";
import { answerFor } from "./look.ts";
import { FORMS } from "./name.ts";
import { answerText } from "./text.ts";

const command = {
  name: "deno task where",
  summary: "Where is my update? When each peer had the latest message of a channel or node, and\n" +
    "how that compares with others of its type that day.",
  flags: {
    archive: { value: "FILE", help: "the archive, which no other process writes" },
    name: { value: "NAME", positional: true, help: FORMS },
    html: { value: "FILE", help: "also write it as a page, with a replay of its spread" },
    json: { type: "boolean", help: "print the answer as JSON" },
    memory: { value: "SIZE", help: "DuckDB's memory limit", default: "1GiB" },
  },
  examples: [
    "deno task where --archive archive/gossip.duckdb 863846x913x104",
    "deno task where --archive archive/gossip.duckdb --json 02abcdef",
    "deno task where --archive archive/gossip.duckdb --html query_results/runs/where.html ACINQ",
  ],
} as const;

if (import.meta.main) {
  await runMain(command, async ({ archive, name, html, json, memory }) => {
    if (!archive || name === undefined) {
      throw new UserError(
        `deno task where: --archive FILE and NAME are required; NAME is ${FORMS}`,
      );
    }
    const page = html === undefined ? [] : bothNeeds("--html", html);
    expectPermitted([...readNeeds({ "--archive": archive }), ...page], "where");
    using reader = await openArchive(archive, { memoryLimit: memory });
    const { connection } = reader;
    stopSignal().addEventListener("abort", () => interruptAll(connection));
    await connection.run(DEFINITIONS);
    await connection.run("BEGIN");
    const answer = await answerFor(connection, name);
    if (html !== undefined) {
      // Charts take half a second to load.
      const { answerPage } = await import("./page.ts");
      await writeWhole(html, await answerPage(answer, systemClock.now()));
    }
    console.log(json ? JSON.stringify(answer, null, 2) : answerText(answer));
  });
}
