// What stands out: recall and precision on injected patterns, silence on plain traffic, and the cost of a full-size day.

import { startProgram } from "../support/servers/process.ts";
import { PatternArchive } from "../support/fixtures/pattern_archive.ts";
import {
  foundIn,
  groupIndex,
  injectBursts,
  injectFaults,
  injectGroups,
  injectLevels,
  injectPeerLevels,
  injectPeriods,
  injectTypeLevel,
  isListed,
  type Score,
  scored,
  speakers,
  type Truth,
} from "../support/fixtures/pattern_injections.ts";
import { tempDir } from "../support/temp_dir.ts";
import { type Benchmark, type Figure, figure } from "./figure.ts";
import { LONGEST_MILLISECONDS, RssWatch } from "./whole_run/children.ts";

const SEEDS = 10;
/** A whole day's messages, at a few peers: bursts, periods and levels are of messages. */
const DAY = { peers: 30, seconds: 86_400 };
/** Groups are of peers: fewer messages. */
const MANY_PEERS = { peers: 400, seconds: 86_400, messages: 60_000 };
/** 976 peers: receipts of 244, each copied for three more peers up to a minute later. */
const FULL = { peers: 244, copies: 4, seconds: 86_400, messages: 416_427 };
/** Copies make four peers alike in each message; this breaks up what groups they would be. */
const COPY_SECONDS = 60;

const kinds = ["burst", "period", "level"] as const;
const BARS = { burst: [0.95, 0.8], period: [0.95, 0.95], level: [0.9, 0.8] } as const;

async function* accuracy(progress: (line: string) => void): AsyncGenerator<Figure> {
  const scores: Score[][] = [], indices: number[] = [], noisy: number[] = [], faults: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const archive = new PatternArchive({ ...DAY, seed });
    const who = speakers(archive);
    const truths: Truth[] = [...injectBursts(archive, 60, who), ...injectPeriods(archive, 40, who)];
    truths.push(
      ...injectLevels(archive, 4),
      injectTypeLevel(archive),
      ...injectPeerLevels(archive, 4),
    );
    const { findings } = await foundIn(archive);
    scores.push(kinds.map((kind) => scored(kind, findings, truths)));

    const grouped = new PatternArchive({ ...MANY_PEERS, seed });
    const groups = injectGroups(grouped, [30, 40], 50);
    const found = await foundIn(grouped);
    indices.push(...groups.map((truth) => groupIndex(found.findings, truth)));

    const plain = await foundIn(new PatternArchive({ ...DAY, seed }));
    noisy.push(Number(plain.findings.length > 0));

    const faulty = new PatternArchive({ ...DAY, seed });
    const broken = injectFaults(faulty);
    const shown = await foundIn(faulty);
    faults.push(
      Number(broken.every((fault) => isListed(shown, fault)) && shown.findings.length === 0),
    );
    const line = scores.at(-1)!.map(({ found, truths, right, findings }, i) =>
      `${kinds[i]} ${found}/${truths} found, ${right}/${findings} right`
    );
    progress(`seed ${seed}: ${line.join("; ")}; plain: ${plain.findings.length} findings`);
  }
  const sum = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
  for (const [i, kind] of kinds.entries()) {
    const total = (of: "truths" | "found" | "findings" | "right") =>
      sum(scores.map((own) => own[i][of]));
    const [recall, precision] = BARS[kind].map((limit) => ({ sense: ">=", limit } as const));
    yield figure(`patterns: ${kind}, recall`, [total("found") / total("truths")], "share", recall);
    yield figure(
      `patterns: ${kind}, precision`,
      [total("right") / total("findings")],
      "share",
      precision,
    );
  }
  yield figure("patterns: groups, least Jaccard index", [Math.min(...indices)], "share", {
    sense: ">=",
    limit: 0.8,
  });
  yield figure(`patterns: plain runs of ${SEEDS} with findings`, [sum(noisy)], "runs", {
    sense: "<=",
    limit: 1,
  });
  yield figure("patterns: runs whose faults are all data faults", [sum(faults)], "runs", {
    sense: ">=",
    limit: SEEDS,
  });
}

async function* cost(full: boolean, progress: (line: string) => void): AsyncGenerator<Figure> {
  await using dir = await tempDir();
  const path = dir.join("gossip.duckdb");
  const { copies, ...size } = full
    ? FULL
    : { ...FULL, messages: FULL.messages / 10, seconds: FULL.seconds / 10 };
  const archive = new PatternArchive({
    ...size,
    messages: Math.round(size.messages),
    seed: "full",
  });
  archive.copyPeers(copies, COPY_SECONDS);
  await archive.write(path);
  progress(`${copies * archive.receipts} receipts`);
  const args = [
    "--archive",
    path,
    "--out",
    dir.join("out"),
    "--only",
    "patterns",
    "--memory",
    "2GiB",
  ];
  const begin = performance.now();
  await using process = startProgram("query_results/main.ts", args, [
    ...["-P=query", `--allow-read=query_results,${dir.path}`, `--allow-write=${dir.path}`],
  ]);
  const rss = new RssWatch(process);
  const { success } = await process.wait(LONGEST_MILLISECONDS);
  const bytes = await rss.stop();
  if (!success) throw new Error(process.lines.slice(-20).join("\n"));
  const what = full ? "patterns of a day of 164 M receipts" : "patterns of a tenth of that day";
  const bar = (limit: number) => full ? { sense: "<=", limit } as const : null;
  yield figure(`${what}: time`, [(performance.now() - begin) / 1000], "s", bar(300));
  yield figure(`${what}: peak RSS`, [bytes / 1024 ** 2], "MiB", bar(4096));
}

/** See the module. */
export const patternsBenchmark: Benchmark = {
  name: "patterns",
  what:
    "patterns and faults injected into ten days of planned traffic; time and memory of a day, or a tenth",
  async *run({ full, progress }) {
    yield* cost(full, progress);
    yield* accuracy(progress);
  },
};
