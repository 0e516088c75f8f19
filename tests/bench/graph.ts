// What a whole mainnet-sized graph (63,000 channels, 126,000 updates, 20,000 nodes) costs in memory, and how long it
// takes to load and save.

import { tempDir } from "../support/temp_dir.ts";
import { type Bar, type Benchmark, type Figure, figure, median } from "./figure.ts";

const BAR: Bar = { sense: "<=", limit: 150 };
const MB = 1_000_000;

/** What `graph_process.ts` prints. */
interface Outcome {
  readonly rss: number;
  readonly channels: number;
  readonly updates: number;
  readonly nodeAnnouncements: number;
  readonly loadMilliseconds?: number;
  readonly saveMilliseconds?: number;
}

/** One life of a process of its own, for what a process frees stays in its RSS. */
async function live(what: string, path: string): Promise<Outcome> {
  const script = new URL("graph_process.ts", import.meta.url).pathname;
  const args = [
    "run",
    "--quiet",
    "--no-check",
    "--allow-read",
    "--allow-write",
    script,
    what,
    path,
  ];
  const { success, stdout, stderr } = await new Deno.Command("deno", { args }).output();
  if (!success) throw new Error(`${what} failed:\n${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function run(
  { repeat, progress }: { repeat: number; progress: (line: string) => void },
): Promise<readonly Figure[]> {
  await using dir = await tempDir();
  const path = dir.join("graph");
  const collected: number[] = [], loaded: number[] = [];
  const saves: number[] = [], loads: number[] = [];
  for (let i = 0; i < repeat; i++) {
    const idle = await live("idle", path);
    const collect = await live("collect", path);
    const load = await live("load", path);
    const { channels, updates, nodeAnnouncements } = load;
    if (channels !== 63_000 || updates !== 126_000 || nodeAnnouncements !== 20_000) {
      throw new Error("what was loaded is not what was saved");
    }
    collected.push((collect.rss - idle.rss) / MB);
    loaded.push((load.rss - idle.rss) / MB);
    saves.push(collect.saveMilliseconds!);
    loads.push(load.loadMilliseconds!);
    progress(`saved in ${saves.at(-1)!.toFixed()} ms, loaded in ${loads.at(-1)!.toFixed()} ms`);
  }
  progress(
    `medians: saved in ${median(saves).toFixed()} ms, loaded in ${median(loads).toFixed()} ms`,
  );
  return [
    figure("RSS of a graph that was collected and saved", collected, "MB", BAR),
    figure("RSS of a graph that was loaded", loaded, "MB", BAR),
  ];
}

/** Memory of the collected graph, over a process without one. */
export const graphBenchmark: Benchmark = {
  name: "graph",
  what: "RSS, load and save time of a mainnet-sized graph",
  run,
};
