// How long a new user waits: the project cloned into an empty folder, every cache empty, then one README command.

import { Buffer } from "node:buffer";
import { tempDir } from "../support/temp_dir.ts";
import { type Bar, type Benchmark, figure } from "./figure.ts";

const ROOT: string = new URL("../../", import.meta.url).pathname;

/** Seconds from `git clone` to the end of `npx -y deno@2.9.6 task NAME`, Deno's and npm's caches empty. */
async function freshSeconds(task: string, progress: (line: string) => void): Promise<number> {
  await using dir = await tempDir();
  const begin = performance.now();
  await run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, `${dir.path}/clone`], dir.path, {});
  await run(["npx", "-y", "deno@2.9.6", "task", task], `${dir.path}/clone`, {
    DENO_DIR: `${dir.path}/deno`,
    npm_config_cache: `${dir.path}/npm`,
    NO_COLOR: "1",
  });
  const seconds = (performance.now() - begin) / 1000;
  progress(`${task} from a fresh clone took ${seconds.toFixed(1)} s`);
  return seconds;
}

async function run(command: string[], cwd: string, env: Record<string, string>): Promise<void> {
  const [program, ...args] = command;
  const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd, env }).output();
  if (success) return;
  const tail = Buffer.concat([stdout, stderr]).toString().split("\n").slice(-30).join("\n");
  throw new Error(`${command.join(" ")} failed:\n${tail}`);
}

function freshBenchmark(task: string, name: string, bar: Bar): Benchmark {
  return {
    name: `fresh-${task}`,
    what: `${name}, caches empty; measured once`,
    run: async ({ progress }) => [figure(name, [await freshSeconds(task, progress)], "s", bar)],
  };
}

/** Fresh clone to the end of the demo. */
export const freshDemoBenchmark: Benchmark = freshBenchmark(
  "demo",
  "fresh clone to demo finished",
  { sense: "<=", limit: 180 },
);

/** Fresh clone to the last test passed. */
export const freshTestBenchmark: Benchmark = freshBenchmark("test", "fresh clone to tests passed", {
  sense: "<=",
  limit: 900,
});
