import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import {
  chooseCommand,
  type Command,
  type Flag,
  parseFlags,
  type Program,
  subcommand,
  windowText,
} from "./cli.ts";

const flags = {
  peers: { type: "number", help: "how many peers", default: 200, min: 1, max: 5000 },
  nats: { help: "a broker", value: "URL" },
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

Deno.test("words after the flags are the positional flag's value", () => {
  const flags = {
    name: { value: "NAME", positional: true, help: "whom" },
    json: { type: "boolean", help: "as JSON" },
  } as const satisfies Record<string, Flag>;
  const greet: Command<typeof flags> = { name: "greet", summary: "Greets.", flags };
  deepEqual(parseFlags(greet, ["--json", "big", "node"]), {
    values: { name: "big node", json: true },
  });
  deepEqual(parseFlags(greet, ["--", "--x"]), { values: { name: "--x", json: false } });
  deepEqual(parseFlags(greet, []), { values: { name: undefined, json: false } });
  const parsed = parseFlags(greet, ["--help"]);
  ok("help" in parsed && /Usage: greet \[flags\] NAME\n/.test(parsed.help), JSON.stringify(parsed));
  ok("help" in parsed && /^ {2}NAME +whom$/m.test(parsed.help));
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

Deno.test("long help texts are wrapped below one another", () => {
  const help = "word ".repeat(40).trim();
  const parsed = parseFlags({ ...command, flags: { long: { help } } }, ["--help"]);
  ok("help" in parsed);
  const lines = parsed.help.split("\n");
  ok(lines.every((line) => line.length <= 100), parsed.help);
  ok(lines.some((line) => /^ {17}word( word)+$/.test(line)), parsed.help);
  equal(parsed.help.match(/word/g)?.length, 40);
});

Deno.test("a wrong command line is refused in one line that says how", () => {
  throws(() => parseFlags(command, ["--colour"]), /^UserError: demo: .*--colour.*See demo --help$/);
  throws(() => parseFlags(command, ["--peers"]), /See demo --help$/);
  throws(
    () => parseFlags(command, ["--peers", "many"]),
    /--peers is "many"; it should be a whole number from 1 to 5000/,
  );
  throws(() => parseFlags(command, ["--peers", "0"]), /--peers is "0"/);
  throws(() => parseFlags(command, ["--peers", "2.5"]), /--peers is "2.5"; .* whole number/);
  throws(() => parseFlags(command, ["stray"]), /stray/);
});

const program: Program = {
  name: "tool",
  summary: "Does things.",
  commands: {
    run: subcommand({ name: "tool run", summary: "Runs.\nFor long.", flags }, ({ peers }) => {
      return Promise.resolve(peers);
    }),
    look: subcommand({ name: "tool look", summary: "Looks.", flags: {} }, () => Promise.resolve()),
  },
  fallback: "run",
};

Deno.test("a program runs the command that is named first, or else its default one", async () => {
  const run = (...args: string[]) => {
    const chosen = chooseCommand(program, args);
    ok("command" in chosen);
    return chosen.command.run(chosen.args);
  };
  equal(await run("run", "--peers", "7"), 7);
  equal(await run("--peers", "8"), 8);
  equal(await run(), 200);
  equal(await run("look"), undefined);
  await rejects(() => run("look", "--peers", "7"), /^UserError: tool look: .*--peers/);
  await rejects(() => run("look", "run"), /^UserError: tool look: .*run/);
});

const window = {
  from: { type: "time", help: "begin" },
  until: { type: "time", help: "end" },
} as const;
const windowed: Command<typeof window> = { name: "demo", summary: "Shows it.", flags: window };

Deno.test("a time is a day or an instant, to the microsecond, in every command", () => {
  const read = (...args: string[]) => {
    const parsed = parseFlags(windowed, args);
    ok("values" in parsed);
    return parsed.values;
  };
  deepEqual(read("--from", "2025-09-26", "--until", "2025-09-26T00:00:00.000001Z"), {
    from: 1_758_844_800_000_000,
    until: 1_758_844_800_000_001,
  });
  deepEqual(read(), { from: undefined, until: undefined });
  for (const wrong of ["2025-02-30", "yesterday", "2025-09-26T00:00:00", ""]) {
    throws(
      () => read("--from", wrong),
      (error: Error) =>
        error.message ===
          `demo: --from is "${wrong}"; it should be a day such as 2025-09-26, or an ` +
            "instant with its zone such as 2025-09-26T20:00:00Z, between 1684 and 2255",
    );
  }
});

Deno.test("a window that ends before it begins, or has no time in it, is refused in every command", () => {
  const from = "2025-09-26T00:00:00.000001Z";
  parseFlags(windowed, ["--from", from, "--until", "2025-09-26T00:00:00.000002Z"]);
  for (const until of [from, "2025-09-26", "1970-01-01"]) {
    throws(
      () => parseFlags(windowed, ["--from", from, "--until", until]),
      /^UserError: demo: --until is (2025|1970)-.*Z, which is not after --from 2025-09-26T00:00:00.000001Z$/,
    );
  }
});

Deno.test("a window is written with the ends it has", () => {
  equal(windowText({ from: null, until: null }), "all of it");
  equal(windowText({}), "all of it");
  equal(windowText({ from: 0 }), "from 1970-01-01T00:00:00.000000Z");
  equal(
    windowText({ from: 0, until: 1 }),
    "from 1970-01-01T00:00:00.000000Z until 1970-01-01T00:00:00.000001Z",
  );
});

Deno.test("a program's --help names its commands, and what is no command is refused", () => {
  const chosen = chooseCommand(program, ["--help"]);
  ok("help" in chosen);
  for (const part of ["Does things.", "  run   Runs.\n        For long.", "  look  Looks."]) {
    ok(chosen.help.includes(part), chosen.help);
  }
  throws(
    () => chooseCommand(program, ["walk"]),
    /^UserError: tool: .*"walk"; use one of run, look$/,
  );
  throws(() => chooseCommand(program, ["constructor"]), /unknown command/);
});

Deno.test("a program without a default command says what there is when none is named", () => {
  const { fallback: _, ...strict } = program;
  throws(
    () => chooseCommand(strict, []),
    /^UserError: Does things.\n\nUsage: tool COMMAND \[flags\]/,
  );
  throws(
    () => chooseCommand(strict, ["--peers", "7"]),
    /unknown command "--peers"; use one of run, look$/,
  );
});
