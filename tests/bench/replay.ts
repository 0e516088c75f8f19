// `deno task lab replay` and a report's opening on an hour of mainnet.

import { startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { type Benchmark, figure } from "./figure.ts";
import { makePlannedArchive } from "./planned_archive.ts";
import { LONGEST_MILLISECONDS, RssWatch } from "./whole_run/children.ts";

const MAIN = new URL("../../query_results/reconciliation/main.ts", import.meta.url).pathname;
const PERMISSIONS = ["--no-check", "--allow-read", "--allow-write", "--allow-ffi", "--ignore-env"];
/** Ten minutes for the network to fill, then the hour that is replayed. */
const RUN = {
  collector: "bench",
  startedAt: Date.UTC(2025, 8, 26, 20, 31, 10) * 1000,
  traffic: { seed: "replay", peers: 978, seconds: 4200, cutSeconds: 4200 },
};
const HOUR = { from: "2025-09-26T20:41:10Z", until: "2025-09-26T21:41:10Z" };

/** Wall time and memory of a replay of one hour. */
export const replayBenchmark: Benchmark = {
  name: "replay",
  what: "questions about reconciliation answered from an hour of 978 peers",
  run: async ({ repeat, progress }) => {
    await using dir = await tempDir();
    const archive = dir.join("gossip.duckdb");
    const { receipts, messages } = await makePlannedArchive(archive, RUN);
    progress(`${receipts} receipts of ${messages} messages`);
    const seconds: number[] = [], mebibytes: number[] = [];
    for (let i = 0; i < repeat; i++) {
      const begin = performance.now();
      const flags = ["--archive", archive, "--out", dir.join("out"), "--from", HOUR.from];
      await using process = startProgram(
        MAIN,
        ["replay", ...flags, "--until", HOUR.until],
        PERMISSIONS,
      );
      const rss = new RssWatch(process);
      const { success } = await process.wait(LONGEST_MILLISECONDS);
      if (!success) throw new Error(process.lines.slice(-20).join("\n"));
      seconds.push((performance.now() - begin) / 1000);
      mebibytes.push(await rss.stop() / 1024 ** 2);
      progress(process.lines.slice(-6).join("\n"));
    }
    return [
      figure("replay of one hour at 978 peers", seconds, "s", { sense: "<=", limit: 120 }),
      figure("replay: peak RSS", mebibytes, "MiB", { sense: "<=", limit: 2048 }),
    ];
  },
};
