import { deepEqual, ok, throws } from "node:assert/strict";
import { type Command, type Flag, parseFlags } from "./cli.ts";

const flags = {
  peers: { type: "number", help: "how many peers", default: 200, min: 1, max: 5000 },
  nats: { type: "string", help: "a broker", value: "URL" },
  quiet: { type: "boolean", help: "say less" },
} as const satisfies Record<string, Flag>;
const command: Command<typeof flags> = {
  name: "demo",
  summary: "Shows it.",
  flags,
  examples: ["demo --peers 20"],
};

Deno.test("flags come out typed, with their defaults", () => {
  deepEqual(parseFlags(command, ["--peers", "20", "--quiet"]), {
    values: { peers: 20, nats: undefined, quiet: true },
  });
  deepEqual(parseFlags(command, []), { values: { peers: 200, nats: undefined, quiet: false } });
});

Deno.test("--help names every flag, its default and the examples", () => {
  const parsed = parseFlags(command, ["--help"]);
  ok("help" in parsed);
  for (
    const part of [
      "Shows it.",
      "--peers",
      "(default: 200)",
      "--nats URL",
      "--quiet",
      "demo --peers 20",
    ]
  ) {
    ok(parsed.help.includes(part), part);
  }
});

Deno.test("a wrong command line is refused in one line that says how", () => {
  throws(() => parseFlags(command, ["--colour"]), /^UserError: demo: .*--colour.*See demo --help$/);
  throws(() => parseFlags(command, ["--peers"]), /See demo --help$/);
  throws(
    () => parseFlags(command, ["--peers", "many"]),
    /--peers is "many"; it should be a number from 1 to 5000/,
  );
  throws(() => parseFlags(command, ["--peers", "0"]), /--peers is "0"/);
  throws(() => parseFlags(command, ["stray"]), /stray/);
});
