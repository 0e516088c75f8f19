/** The simulator's own promises: equal bytes, honest shortcuts, every protocol delivers, one clear error. */
import assert from "node:assert/strict";
import { allProtocols } from "../../query_results/reconciliation/simulator/protocol.ts";
import { simulateCommand } from "../../query_results/reconciliation/simulator/command.ts";
import { parseGraph } from "../../query_results/reconciliation/simulator/graph_file.ts";
import { outcomes } from "../../query_results/reconciliation/simulator/outcome.ts";
import {
  type FinishedRun,
  networkGraph,
  simulate,
} from "../../query_results/reconciliation/simulator/run.ts";
import { planRuns, SETTINGS } from "../../query_results/reconciliation/simulator/settings.ts";
import { columnValues } from "../../query_results/format/table.ts";
import { toCsv } from "../../query_results/format/csv.ts";
import { parseConfig } from "../../shared/config.ts";
import { UserError } from "../../shared/errors.ts";
import { startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";

const SMALL = { hours: 0.5, rate: 1, observer: 60, network: { nodes: 120, links: 3 } };
const PROTOCOLS = await allProtocols();

/** Runs all protocols of the settings; the result's columns by name. */
async function results(settings: object) {
  const parsed = parseConfig(JSON.stringify(settings), SETTINGS, "test");
  const graph = await networkGraph(parsed);
  const runs = planRuns(parsed, PROTOCOLS).map((plan) => simulate(plan, graph, () => {}));
  const table = outcomes(runs);
  return { table, runs, column: (name: string) => columnValues(table, name) as number[] };
}

/** Share of the measured messages, but for superseded ones, that 95 % of the nodes have had. */
function reachShare({ simulation: { traffic, measures }, fromMs, untilMs }: FinishedRun): number {
  const lasting = [...traffic.bornMs.keys()].filter((message) =>
    traffic.bornMs[message] >= fromMs && traffic.bornMs[message] < untilMs &&
    traffic.newer[message] < 0
  );
  return lasting.filter((message) => measures.reachedMs[1][message] >= 0).length / lasting.length;
}

const named = (...names: string[]) => ({ protocols: names.map((name) => ({ name })) });

Deno.test("equal seeds give equal bytes, others do not", async () => {
  const csv = async (seed: number) =>
    toCsv((await results({ ...SMALL, ...named("draft-bolt", "inv"), seed })).table);
  assert.equal(await csv(7), await csv(7));
  assert.notEqual(await csv(7), await csv(8));
});

Deno.test("every protocol brings nearly every message to every node", async () => {
  const { runs } = await results({ ...SMALL, ...named(...PROTOCOLS.keys()) });
  assert.equal(runs.length, PROTOCOLS.size);
  for (const run of runs) {
    assert(reachShare(run) > 0.95, `${run.plan.label}: ${reachShare(run)} reach 95 %`);
  }
});

Deno.test("what PinSketch decodes agrees with D ≤ c in 1,000 rounds", async () => {
  const settings = {
    ...SMALL,
    hours: 1,
    protocols: [{ name: "sketch", options: { bits: 32, minimum: 4 } }],
  };
  const { runs, column } = await results(settings);
  const check = runs[1].simulation.check!;
  assert(column("failed_share")[1] > 0, "no round failed: only half of the rule was checked");
  assert.equal(check.checked, 1000);
  assert.equal(check.agreed, 1000);
});

Deno.test("checking sketches changes no result", async () => {
  const without = await results({ ...SMALL, ...named("sketch"), decoded: 0 });
  const checked = await results({ ...SMALL, ...named("sketch"), decoded: 50 });
  for (const name of ["all_bytes_per_node_day", "seconds_to_95", "rounds"]) {
    assert.deepEqual(without.column(name), checked.column(name));
  }
});

Deno.test("nobody speaking a protocol is flooding; half is between", async () => {
  const at = async (adoption: number) => {
    const { column } = await results({ ...SMALL, ...named("riblt"), adoption });
    return {
      all: column("all_bytes_per_node_day"),
      sketch: column("sketch_bytes_per_node_day")[1],
    };
  };
  const [none, half, all] = [await at(0), await at(0.5), await at(1)];
  assert.equal(none.all[0], none.all[1]);
  assert(half.sketch > 0 && half.sketch < all.sketch);
});

Deno.test("liars make rounds fail, junk and filters make differences", async () => {
  const run = async (more: object, options: object = {}) => {
    const { column, runs } = await results({
      ...SMALL,
      ...more,
      protocols: [{ name: "sketch", options: { distrust_after: 0, ...options } }],
    });
    return {
      fallbacks: column("fallback_share")[1],
      differences: column("differences_per_round")[1],
      reach: reachShare(runs[1]),
    };
  };
  const honest = await run({});
  const bad = await run({ liars: 0.2 });
  const junk = await run({ liars: 0.2 }, { lie: "junk-ids" });
  const filtered = await run({ filters: 0.3, refused: 0.3 });
  assert(bad.fallbacks > honest.fallbacks + 0.2);
  assert(bad.reach > 0.9, "what fails falls back");
  assert(junk.differences > honest.differences + 10);
  assert(filtered.differences > honest.differences + 1);
});

Deno.test("links with liars flood after three rounds for nothing, honest ones do not; with sketches that saves bytes", async () => {
  for (const name of ["sketch", "riblt", "range-based"]) {
    const protocol = (distrust_after: number) => ({ name, options: { distrust_after } });
    const settings = { ...SMALL, protocols: [0, 3].map(protocol) };
    const { column } = await results({ ...settings, liars: 0.2 });
    const [bytes, links, honest, fallbacks] = [
      "all_bytes_per_node_day",
      "distrusted_links",
      "distrusted_honest_links",
      "fallback_share",
    ].map((name) => column(name).slice(1));
    assert.deepEqual([links[0], ...honest], [0, 0, 0]);
    assert(links[1] > 50 && fallbacks[1] < fallbacks[0] / 5);
    // Wrong PinSketches grow to the largest; the others are given up sooner, and flooding costs more than they do.
    if (name === "sketch") assert(bytes[1] < bytes[0], `${bytes}`);
    const without = await results(settings);
    assert.deepEqual(without.column("distrusted_links"), [0, 0, 0]);
    assert(without.column("all_bytes_per_node_day")[2] < bytes[1], "liars cost something");
  }
});

Deno.test("flooding misses what happens while a node is away, a backup finds it", async () => {
  const { column } = await results({
    ...SMALL,
    hours: 2,
    churn: { online: "10m", offline: "10m" },
    protocols: [{ name: "flood-sketch-backup", options: { interval: "1m" } }],
  });
  const [flood, backup] = column("share_reaching_95");
  assert(backup > flood + 0.2, `${flood} by flooding, ${backup} with a backup`);
});

Deno.test("one update per block leaves fewer messages", async () => {
  const { runs } = await results({ ...SMALL, rate: 5, ...named("draft-bolt") });
  const [flood, draft] = runs.map(({ simulation: { traffic } }) => traffic);
  assert(draft.coalesced > 0);
  assert.equal(flood.count, draft.count + draft.coalesced);
});

Deno.test("a sweep runs every value, flooding once", async () => {
  const { column, runs } = await results({
    ...SMALL,
    ...named("riblt"),
    sweep: { parameter: "interval", values: ["10s", "60s"] },
  });
  assert.deepEqual(runs.map(({ plan }) => [plan.label, plan.value]), [
    ["flood", null],
    ["riblt", "10s"],
    ["riblt", "60s"],
  ]);
  const [, fast, slow] = column("seconds_to_50");
  assert(fast < slow);
});

const node = (i: number) => `02${i.toString(16).padStart(64, "0")}`;
const channel = (a: number, b: number) => `${a * 1000 + b},${node(a)},${node(b)}`;

Deno.test("a channel list becomes a graph, with or without a header", () => {
  const lines = [channel(1, 2), channel(2, 3), channel(2, 3), channel(3, 1)];
  for (const header of ["", "scid,node_one,node_two\n"]) {
    const graph = parseGraph(`${header}${lines.join("\n")}\n`, "list", false);
    assert.equal(graph.nodes, 3);
    assert.equal(graph.source.length, 6);
    assert.deepEqual([...graph.reverse].map((edge) => graph.reverse[edge]), [0, 1, 2, 3, 4, 5]);
  }
});

Deno.test("a broken list names all faults at once, one in parts how many", () => {
  const broken = ["nonsense", `12,${node(1)},02ab`, channel(4, 4), channel(1, 2)].join("\n");
  assert.throws(
    () => parseGraph(`${channel(8, 9)}\n${broken}`, "list", false),
    (error: Error) =>
      error instanceof UserError && error.message.split("\n").length === 4 &&
      /line 2: "nonsense".*\n.*line 3: "02ab".*\n.*line 4: both ends/.test(error.message),
  );
  const parts = [channel(1, 2), channel(2, 3), channel(8, 9)].join("\n");
  assert.throws(() => parseGraph(parts, "list", false), /2 parts.*largest of 3, 2 nodes/);
  assert.equal(parseGraph(parts, "list", true).nodes, 3);
  assert.throws(() => parseGraph("", "list", false), /no channel/);
});

Deno.test("wrong settings are named, all of them", () => {
  assert.throws(
    () => parseConfig("hours: 99\nadoption: 2\nnetwork: {nodes: 1}", SETTINGS, "test"),
    /3 faults\n.*hours: 99[^]*nodes: 1[^]*adoption: 2|3 faults/,
  );
  const parsed = parseConfig(
    JSON.stringify({ protocols: [{ name: "gossipd" }, { name: "sketch", options: { bits: 7 } }] }),
    SETTINGS,
    "test",
  );
  assert.throws(() => planRuns(parsed, PROTOCOLS), /no protocol "gossipd"[^]*bits: 7/);
});

Deno.test("a run that would not fit into memory is refused", async () => {
  const parsed = parseConfig(
    JSON.stringify({ hours: 48, rate: 100, network: { nodes: 5000 } }),
    SETTINGS,
    "test",
  );
  const [plan] = planRuns(parsed, PROTOCOLS);
  const graph = await networkGraph(parsed);
  assert.throws(() => simulate(plan, graph, () => {}), /takes \d+ GiB, at most 8/);
});

Deno.test("the command writes its files whole and says that a small network is not calibrated", async () => {
  await using folder = await tempDir();
  const config = `${folder.path}/sweep.yaml`;
  await Deno.writeTextFile(config, JSON.stringify({ ...SMALL, ...named("draft-bolt") }));
  await simulateCommand.run(["--config", config, "--out", `${folder.path}/out`]);
  const files = [...Deno.readDirSync(`${folder.path}/out`)].map(({ name }) => name).sort();
  assert.deepEqual(files, [
    "bytes.svg",
    "calibration.txt",
    "comparison.txt",
    "runs.csv",
    "spread.svg",
  ]);
  for (const name of ["bytes.svg", "comparison.txt", "spread.svg"]) {
    assert.match(await Deno.readTextFile(`${folder.path}/out/${name}`), /not calibrated/);
  }
});

Deno.test("a sweep that is broken off repeats no run that had ended, and shows no report until it is whole", async () => {
  await using folder = await tempDir();
  const config = folder.join("sweep.yaml");
  const names = (dir: string) => [...Deno.readDirSync(folder.join(dir))].map(({ name }) => name);
  const settings = { ...SMALL, hours: 2, ...named("riblt") };
  const sweep = { parameter: "interval", values: ["1s", "10s", "60s"] };
  await Deno.writeTextFile(config, JSON.stringify({ ...settings, sweep }));
  const flags = ["--config", config, "--out"];
  const main = new URL("../../query_results/reconciliation/main.ts", import.meta.url).pathname;
  const start = () =>
    startProgram(main, ["simulate", ...flags, folder.join("out")], ["--no-check", "--allow-all"]);
  {
    await using process = start();
    // Printed once flooding's results are kept.
    await process.waitForLine(/calibrat/);
    await process.kill();
  }
  assert.deepEqual(names("out"), ["ended_runs.jsonl"]);
  {
    await using process = start();
    assert((await process.wait()).success);
    assert.match(process.lines.join("\n"), /run 1 of 4 \(flood\): had ended before/);
  }
  await simulateCommand.run([...flags, folder.join("whole")]);
  assert.deepEqual(names("out").sort(), names("whole").sort());
  assert(!names("out").includes("ended_runs.jsonl"));
  for (const name of names("out")) {
    const [out, whole] = ["out", "whole"].map((dir) =>
      Deno.readTextFileSync(folder.join(dir, name))
    );
    assert.equal(out, whole, name);
  }
});
