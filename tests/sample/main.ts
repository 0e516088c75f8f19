// `deno task sample`: writes the committed results of a simulated run, in which every question's answer can be seen.

import { replayReport } from "../../query_results/reconciliation/replay_report.ts";
import { runMain } from "../../shared/cli.ts";
import { makePlannedArchive } from "../bench/planned_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

const FOLDER = new URL("../../query_results/sample/", import.meta.url).pathname;
/** As many peers as the real run, at its rate; ten minutes for the network to fill, then two hours. */
const SECONDS = 7800;
const STARTED_AT = Date.UTC(2025, 8, 26, 20, 0, 0) * 1000;
const FILLED_AT = STARTED_AT + 600e6;
/** Larger tables, of a row per peer, are cut to this many rows. */
const MAX_ROWS = 200;
/** Significant digits of fractions; intervals are wider than the rest. */
const DIGITS = 6;
const FRACTION = /(?<=^|,)-?\d+\.\d+(?:e-\d+)?(?=,|\r|$)/gm;
const rounded = (csv: string) =>
  csv.replace(FRACTION, (number) => String(Number(Number(number).toPrecision(DIGITS))));

const TIMERS =
  "The simulated peers flush on strict timers, so differences come in bursts, and the share of rounds in which the draft's " +
  "estimator fails is a property of this simulation. In the committed sample of real receipt traces, retold at random " +
  "times (122 peers, 0.6 messages/s; `tests/query_results/replay_real_test.ts`), it fails in 0.2 % of rounds (95 % " +
  "interval 0.1 to 0.35). Only a real archive can decide between the two.";

function firstRows(csv: string): string {
  const lines = csv.split("\r\n");
  return lines.length > MAX_ROWS ? [...lines.slice(0, MAX_ROWS + 1), ""].join("\r\n") : csv;
}

const command = {
  name: "deno task sample",
  summary: "Write query_results/sample: the answers on an archive of simulated traffic.",
  flags: { peers: { type: "number", value: "N", help: "peers", default: 978, min: 50, max: 2000 } },
} as const;

await runMain(command, async ({ peers }) => {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  console.error("making an archive …");
  const { receipts } = await makePlannedArchive(archive, {
    collector: "simulated",
    startedAt: STARTED_AT,
    traffic: { seed: "sample", peers, seconds: SECONDS, cutSeconds: SECONDS },
  });
  const { opening } = await replayReport({
    archive,
    out: dir.join("out"),
    window: { from: FILLED_AT },
    pairs: 300,
    seed: 1,
    scale: 1,
    memoryLimit: "1GiB",
    mark: " (simulated)",
    onProgress: (step) => console.error(step),
  });
  await Deno.remove(FOLDER, { recursive: true }).catch(() => {});
  await Deno.mkdir(FOLDER);
  const charts: string[] = [];
  for (
    const { name } of [...Deno.readDirSync(dir.join("out"))].sort((a, b) =>
      a.name < b.name ? -1 : 1
    )
  ) {
    const text = await Deno.readTextFile(dir.join("out", name)).catch(() => "");
    if (name.endsWith(".svg")) charts.push(name);
    if (!/\.(svg|csv)$/.test(name)) continue;
    const kept = name.endsWith(".csv") ? rounded(firstRows(text)) : text;
    await Deno.writeTextFile(`${FOLDER}${name}`, kept);
  }
  await Deno.writeTextFile(
    `${FOLDER}README.md`,
    [
      "# Every question's answer, on simulated traffic",
      `**Simulated**: ${peers} peers and ${
        receipts.toLocaleString("en-US")
      } receipts at the rate of the mainnet run of ` +
      "2025-09-26, calibrated on its receipt traces. `deno task sample` writes this folder; `deno task lab replay` " +
      `writes the same of a real archive. Tables have up to ${MAX_ROWS} rows here, and fractions ${DIGITS} digits.`,
      ...opening.sentences.map((sentence) => `- ${sentence}`),
      TIMERS,
      opening.limits,
      ...charts.map((name) =>
        `![${name}](${name})\n\n[${name.replace(".svg", ".csv")}](${name.replace(".svg", ".csv")})`
      ),
      "",
    ].join("\n\n"),
  );
  console.log(`sample: ${charts.length} charts in ${FOLDER}`);
});
