// A process that simulates once and prints what it took: `simulator_process.ts PROTOCOL SETTINGS` (JSON).

import { allProtocols } from "../../query_results/reconciliation/simulator/protocol.ts";
import { networkGraph, simulate } from "../../query_results/reconciliation/simulator/run.ts";
import { planRuns, SETTINGS } from "../../query_results/reconciliation/simulator/settings.ts";
import { parseConfig } from "../../shared/config.ts";
import { peakRss } from "./process_cost.ts";

const [protocol, text] = Deno.args;
const wanted = JSON.stringify({ ...JSON.parse(text), protocols: [{ name: protocol }] });
const settings = parseConfig(wanted, SETTINGS, "bench");
const plan = planRuns(settings, await allProtocols()).find((plan) => plan.protocol === protocol)!;
const graph = await networkGraph(settings);
const started = performance.now();
const { simulation: { measures, traffic, check } } = simulate(plan, graph, () => {});
console.log(JSON.stringify({
  seconds: (performance.now() - started) / 1000,
  deliveries: measures.deliveries,
  batches: measures.batches,
  messages: traffic.count,
  rounds: measures.rounds,
  decoded: check?.checked ?? 0,
  agreed: check?.agreed ?? 0,
  rss: await peakRss(Deno.pid),
}));
