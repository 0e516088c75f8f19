import { runMain, stopSignal } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { expectPermitted, readNeeds } from "../../shared/sandbox.ts";
import { interruptAll, openArchive } from "../archive/open.ts";
import { DEFINITIONS } from "../catalog/catalog.ts";
import { answerFor } from "./look.ts";
import { FORMS } from "./name.ts";
import { answerText } from "./text.ts";

const command = {
  name: "deno task where",
  summary: "Where is my update? When each peer had the latest message of a channel or node, and\n" +
    "how that compares with others of its type that day.",
  flags: {
    archive: { type: "string", value: "FILE", help: "the archive, which no other process writes" },
    name: { type: "string", value: "NAME", positional: true, help: FORMS },
    json: { type: "boolean", help: "print the answer as JSON" },
    memory: { type: "string", value: "SIZE", help: "DuckDB's memory limit", default: "1GiB" },
  },
  examples: [
    "deno task where --archive archive/gossip.duckdb 863846x913x104",
    "deno task where --archive archive/gossip.duckdb --json 02abcdef",
  ],
} as const;

if (import.meta.main) {
  await runMain(command, async ({ archive, name, json, memory }) => {
    if (!archive || name === undefined) {
      throw new UserError(`deno task where: --archive FILE and NAME are required; ${FORMS}`);
    }
    expectPermitted(readNeeds({ "--archive": archive }), "where");
    using reader = await openArchive(archive, { memoryLimit: memory });
    const { connection } = reader;
    stopSignal().addEventListener("abort", () => interruptAll(connection));
    await connection.run(DEFINITIONS);
    await connection.run("BEGIN");
    const answer = await answerFor(connection, name);
    console.log(json ? JSON.stringify(answer, null, 2) : answerText(answer));
  });
}
