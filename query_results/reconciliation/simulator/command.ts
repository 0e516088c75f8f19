// `deno task lab simulate`: runs protocols on a simulated network.

import { dirname } from "node:path";
import { type Subcommand, subcommand } from "../../../shared/cli.ts";
import { parseConfig, readConfig } from "../../../shared/config.ts";
import { UserError } from "../../../shared/errors.ts";
import { bothNeeds, expectPermitted, readNeeds } from "../../../shared/sandbox.ts";
import { standardError } from "../../../shared/terminal.ts";
import { timeLeft } from "../../format/numbers.ts";
import { calibrationText } from "../calibration/rows.ts";
import { readTraffic } from "./traffic_file.ts";
import { allProtocols } from "./protocol.ts";
import { type EndedRun, EndedRuns } from "./ended_runs.ts";
import { calibrated } from "./observer.ts";
import { checkNewFile, writeObservedArchive } from "./observed_archive.ts";
import { outcomes } from "./outcome.ts";
import { comparisonText, isCalibrated, verdict, writeReport } from "./report.ts";
import { networkGraph, simulate } from "./run.ts";
import { planRuns, SETTINGS, type Settings } from "./settings.ts";

const FILE = { type: "string", value: "FILE" } as const;
const fraction = (value: string, help: string, min: number, max: number) =>
  ({ type: "number", fraction: true, value, help, min, max }) as const;

export const simulateCommand: Subcommand = subcommand({
  name: "deno task lab simulate",
  summary: "Simulate gossip protocols on one network and compare them with flooding.",
  details:
    "Flooding runs first and is held against the calibration table. Results go to --out once all\n" +
    "runs have ended: runs.csv, charts, calibration.txt, and last comparison.txt. Broken off, the\n" +
    "same command repeats no run that had ended. Equal seeds give equal files.",
  flags: {
    config: { ...FILE, help: "YAML with the settings; excludes the flags below" },
    protocol: { value: "NAME,…", help: "protocols to run, besides flood" },
    nodes: { type: "number", value: "N", help: "nodes of the network", min: 2, max: 50_000 },
    links: { type: "number", value: "N", help: "links that a node makes", min: 1, max: 1000 },
    graph: { ...FILE, help: "channel list: scid,node,node per line" },
    hours: fraction("H", "simulated hours", 0.01, 48),
    rate: fraction("R", "messages per second", 0.001, 100),
    traffic: { ...FILE, help: "Parquet of messages, as deno task lab traffic writes it" },
    adoption: fraction("SHARE", "share of nodes that speak the protocol", 0, 1),
    seed: { type: "number", value: "N", help: "seed", min: 0, max: 2 ** 31 },
    out: { value: "DIR", help: "folder for the results" },
    archive: {
      ...FILE,
      help: "new archive of what one protocol's observer receives, to query and replay",
    },
    list: { type: "boolean", help: "list the protocols and exit" },
  },
  examples: [
    "deno task lab simulate --protocol draft-bolt,riblt --out query_results/runs/lab",
    "deno task lab simulate --config query_results/reconciliation/simulator/sweep.example.yaml \\\n" +
    "      --out query_results/runs/sweep",
    "deno task lab simulate --protocol draft-bolt --archive query_results/runs/simulated.duckdb",
  ],
}, async ({ config, out, archive, list, ...flags }) => {
  const protocols = await allProtocols();
  if (list) {
    for (const [name, { summary }] of protocols) console.log(`${name.padEnd(22)}${summary}`);
    return;
  }
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  if (config !== undefined && given.length > 0) {
    throw new UserError(
      `deno task lab simulate: --config excludes ${given.map(([name]) => `--${name}`).join(", ")}`,
    );
  }
  // Results are written after hours: what the sandbox refuses is said before.
  expectPermitted(
    [
      ...readNeeds({ "--config": config, "--graph": flags.graph, "--traffic": flags.traffic }),
      ...out === undefined ? [] : bothNeeds("--out", out),
      ...archive === undefined ? [] : bothNeeds("--archive", dirname(archive)),
    ],
    "lab",
  );
  const settings = config === undefined ? settingsOf(flags) : await readConfig(config, SETTINGS);
  expectPermitted(
    readNeeds({ "network.file": settings.network.file, traffic: settings.traffic }),
    "lab",
  );
  const plans = planRuns(settings, protocols);
  if (archive !== undefined) await checkArchive(archive, settings);
  const graph = await networkGraph(settings);
  const messages = settings.traffic === undefined ? undefined : await readTraffic(settings.traffic);
  const ended = await EndedRuns.of(out, settings);
  const progress = progressOf(plans.length);
  const runs: EndedRun[] = [];
  for (const [i, plan] of plans.entries()) {
    // An archive is made of the run itself.
    const known = archive === undefined ? ended.get(plan) : undefined;
    if (known) console.log(`run ${i + 1} of ${plans.length} (${plan.label}): had ended before`);
    const run = known
      ? undefined
      : simulate(plan, graph, (share) => progress(i, share, plan.label), messages);
    runs.push(
      known ?? await ended.add(plan, {
        row: outcomes([run!]).rows[0],
        calibration: i === 0 ? calibrated(run!) : null,
      }),
    );
    const { calibration } = runs[0];
    if (i === 0) console.log(calibration ? calibrationText(calibration) : verdict(null));
    if (archive !== undefined && i === plans.length - 1) {
      await writeObservedArchive(archive, run!, isCalibrated(calibration));
      console.log(`archive=${archive}`);
    }
  }
  const [{ calibration }] = runs;
  const table = { ...outcomes([]), rows: runs.map(({ row }) => row) };
  console.log(`\n${verdict(calibration)}\n\n${comparisonText(table)}`);
  if (out === undefined) return;
  await writeReport(out, table, calibration, {
    settings: `${graph.nodes} nodes, ${graph.source.length / 2} links, ${settings.hours} h at ` +
      `${settings.rate} messages/s, seed ${settings.seed}`,
    swept: settings.sweep?.parameter,
  });
  await ended.forget();
});

async function checkArchive(path: string, { protocols, sweep, observer }: Settings): Promise<void> {
  if (protocols.length > 1 || sweep !== undefined || observer === 0) {
    throw new UserError(
      "deno task lab simulate: --archive takes one protocol, no sweep, and an observer with peers",
    );
  }
  await checkNewFile(path);
}

function settingsOf(
  { protocol, nodes, links, graph, ...others }: Readonly<Record<string, unknown>>,
): Settings {
  const names = protocol === undefined ? [] : String(protocol).split(",");
  const protocols = names.map((name) => ({ name: name.trim() }));
  return parseConfig(
    JSON.stringify({
      ...others,
      network: { nodes, links, file: graph },
      protocols: protocols.length > 0 ? protocols : undefined,
    }),
    SETTINGS,
    "the command line",
  );
}

/** Lines on standard error: how far, and about how long still. */
function progressOf(runs: number): (done: number, share: number, label: string) => void {
  const output = standardError();
  const left = timeLeft();
  let shownAt = performance.now();
  return (done, share, label) => {
    if (performance.now() - shownAt < (output.isTerminal ? 1000 : 15_000)) return;
    shownAt = performance.now();
    const percent = `${Math.round(100 * share)} %${left((done + share) / runs)}`;
    output.write(`run ${done + 1} of ${runs} (${label}): ${percent}\n`);
  };
}
