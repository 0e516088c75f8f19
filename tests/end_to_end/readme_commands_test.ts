/** Each command line of the READMEs, as a newcomer types it: on a terminal, in a fresh copy of the project. */
import assert from "node:assert/strict";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { freePort } from "../support/servers/free_port.ts";
import { PROMPT, Terminal } from "../support/terminal.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGES = ["README.md", "collector/README.md", "archiver/README.md", "query_results/README.md"];

/** The command lines of a page's code blocks, continued lines joined, comments gone. */
function commandsOf(page: string): string[] {
  return page.replaceAll(/ \\\n +/g, " ").split("\n").flatMap((line) => {
    const [, command] = line.match(/^ {4}((?:deno|npx|cp|\.\/|duckdb) ?.*?)(?: {2,}#.*)?$/) ?? [];
    // Deno is here already, and of that version.
    return command === undefined ? [] : [command.replace(/^npx -y deno@[\d.]+ /, "deno ")];
  });
}

/** How a command is run here, or why it is not. */
interface Way {
  /** Flags that make it short, or keep it on this machine. */
  readonly more?: string;
  /** What a program writes that then runs on, until another of its name is started or the page is done. */
  readonly running?: RegExp;
  readonly skip?: string;
}

const ARCHIVING: Way = { running: /API at http/ };
const WAYS: readonly (readonly [command: RegExp, way: Way])[] = [
  [/^cp /, {}],
  [/^duckdb /, { skip: "needs DuckDB's own command line" }],
  [/^psql /, { skip: "needs an endpoint and a password: postgres_psql_test" }],
  [/^deno task archive user/, {}],
  [/--drop published/, { skip: "needs published days: publish_test" }],
  [/archive\/fetched|main\.ts fetch/, { skip: "needs published days: fetch_test" }],
  [/ducklake/, { skip: "needs DuckDB's extensions: lake_test" }],
  [/^\.\/gossip-collector/, { skip: "the binary's own test runs it" }],
  [/^deno task test/, { skip: "it is this run" }],
  [/^deno task demo/, { more: "--peers 4 --seconds 2" }],
  [/^deno task lab replay/, { skip: "needs an archive of eight peers: replay_test" }],
  [/^deno task fleet init/, {}],
  [/^deno task fleet (status|set|plan)/, { skip: "needs a broker: steering_test" }],
  [/^deno task archive replay/, { skip: "needs another archiver: replay_test" }],
  [/^deno task archive release/, { skip: "needs another archiver: sharing_test" }],
  [/^deno task query/, {}],
  [/^deno task where/, { skip: "needs an archive with that channel: where_test" }],
  [/^deno run .* -P=query /, {}],
  [/^deno task archive status/, {}],
  [/^deno task archive --config/, ARCHIVING],
  [/^deno task archive export|main\.ts export/, { skip: "needs a PostgreSQL server: export_test" }],
  [/main\.ts import .*--dry-run/, { skip: "needs the first observer's data: import_test" }],
  [/^deno run .* -P=archiver .*--config/, ARCHIVING],
  [/^deno task collect --config/, { running: /keeps 500 peers/ }],
  [/^deno task compile/, { more: `--target ${Deno.build.arch}` }],
];

/** The generator point of secp256k1, as good a node id as any. */
const PEER = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/** The ports that programs listen at by default: on this machine another program may hold them. */
const DEFAULT_PORTS = /\b(8470|8471)\b/g;
/** Where the copy has them. */
const PORTED = [
  "deno.json",
  "archiver/config.ts",
  "archiver/archiver.example.yaml",
  "collector/config.ts",
  "collector/collector.example.yaml",
];

/** What the copy needs beside the project's files. @returns text with the copy's ports in place of the default ones. */
async function prepare(dir: TempDir): Promise<(text: string) => string> {
  for (const name of ["archiver", "collector", "query_results", "shared", "tests"]) {
    await copy(new URL(`${name}/`, ROOT).pathname, dir.join(name));
  }
  for (const name of ["deno.json", "deno.lock"]) {
    await Deno.copyFile(new URL(name, ROOT), dir.join(name));
  }
  const ports = new Map(["8470", "8471"].map((port) => [port, String(freePort())]));
  const withPorts = (text: string) => text.replace(DEFAULT_PORTS, (port) => ports.get(port)!);
  for (const name of PORTED) {
    await Deno.writeTextFile(dir.join(name), withPorts(await Deno.readTextFile(dir.join(name))));
  }
  // A peer that no name server knows: nobody is dialled.
  const example = dir.join("collector/collector.example.yaml");
  const config = await Deno.readTextFile(example);
  await Deno.writeTextFile(example, config.replace("# file: peers.txt", "file: peers.txt"));
  await Deno.writeTextFile(dir.join("peers.txt"), `${PEER}@peer.invalid:9735`);
  for (const folder of ["archive", "data"]) {
    await Deno.mkdir(dir.join(folder));
    await makeQueryArchive(dir.join(folder, "gossip.duckdb"));
  }
  return withPorts;
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (name === "runs") continue;
    if (isDirectory) await copy(`${from}${name}/`, `${to}/${name}`);
    else await Deno.copyFile(`${from}${name}`, `${to}/${name}`);
  }
}

for (const page of PAGES) {
  Deno.test(`on a terminal no command of ${page} asks for a permission, and none fails`, async (test) => {
    await using dir = await tempDir();
    const withPorts = await prepare(dir);
    const commands = commandsOf(await Deno.readTextFile(new URL(page, ROOT)));
    assert.notEqual(commands.length, 0);
    await using running = new AsyncDisposableStack();
    const programs = new Map<string, Terminal>();
    for (const command of commands) {
      const [, way] = WAYS.find(([pattern]) => pattern.test(command)) ??
        assert.fail(`add a way to run "${command}"`);
      await test.step({
        name: way.skip === undefined ? command : `${command} (${way.skip})`,
        ignore: way.skip !== undefined,
        // What runs on outlives its step.
        sanitizeOps: false,
        sanitizeResources: false,
        fn: async () => {
          const program = command.includes("collect") ? "collector" : "archiver";
          if (way.running) await programs.get(program)?.[Symbol.asyncDispose]();
          const here = withPorts(command).replaceAll("/data", dir.join("data"));
          const line = [here, way.more].join(" ").trim();
          const terminal = running.use(
            new Terminal(line, { cwd: dir.path, env: { DENORT_BIN: Deno.execPath() } }),
          );
          if (way.running) {
            programs.set(program, terminal);
            await terminal.waitFor(way.running);
            assert.match(terminal.output, way.running);
          } else assert.equal(await terminal.wait(), 0, terminal.output);
          assert.doesNotMatch(terminal.output, PROMPT);
        },
      });
    }
  });
}

Deno.test("no program's permission set lacks what its runtime reads: none asks where it may ask", async () => {
  for (
    const command of [
      "-P=archiver archiver/main.ts schema",
      "-P=query query_results/main.ts --list",
      "-P=fleet archiver/deploy/main.ts --help",
      "-P=lab query_results/reconciliation/main.ts --help",
      "-P=demo tests/demo/main.ts --help",
      "-P=collector collector/main.ts version",
      "-P=compile collector/deploy/compile.ts --help",
    ]
  ) {
    await using terminal = new Terminal(`deno run --quiet ${command}`, { cwd: ROOT.pathname });
    assert.equal(await terminal.wait(), 0, terminal.output);
    assert.doesNotMatch(terminal.output, PROMPT, command);
  }
});
