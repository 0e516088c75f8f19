// An observer's receipts as traces, and what the calibration table says of them.

import { calibrate, type CalibratedRow } from "../calibration/rows.ts";
import { type Trace, type Traces, TYPE_NUMBERS, wideSets } from "../calibration/traces.ts";
import type { FinishedRun } from "./run.ts";
import type { Simulation } from "./simulation.ts";
import { MESSAGE_TYPES } from "./traffic.ts";

/** Holds a run of flooding against the table; null when fewer than two messages reached most peers. */
export function calibrated({ simulation, fromMs, untilMs }: FinishedRun): CalibratedRow[] | null {
  const sets = wideSets(observedTraces(simulation, fromMs, untilMs));
  return sets.length === 0 ? null : calibrate(sets);
}

/** The nodes that the observer is connected to. */
export function observedPeers(
  { graph, nodes }: Pick<Simulation, "graph" | "nodes">,
): Int32Array<ArrayBuffer> {
  return graph.target.slice(graph.first[nodes], graph.first[graph.nodes]);
}

/** Receipts of the messages born from `fromMs` until `untilMs`. */
export function observedTraces(simulation: Simulation, fromMs: number, untilMs: number): Traces {
  const { measures, traffic, graph } = simulation;
  const peerIndex = new Int32Array(graph.nodes);
  const observed = observedPeers(simulation);
  observed.forEach((peer, i) => peerIndex[peer] = i);
  const [message, peer, atMs] = Object.values(measures.receipts).map(({ held }) => held);
  const byMessage = new Map<number, { firstMs: number; delays: Float64Array }>();
  for (let i = 0; i < message.length; i++) {
    const bornMs = traffic.bornMs[message[i]];
    if (bornMs < fromMs || bornMs >= untilMs) continue;
    let trace = byMessage.get(message[i]);
    if (trace === undefined) {
      trace = { firstMs: atMs[i], delays: new Float64Array(observed.length).fill(NaN) };
      byMessage.set(message[i], trace);
    }
    trace.delays[peerIndex[peer[i]]] = (atMs[i] - trace.firstMs) / 1000;
  }
  const messages = [...byMessage].sort(([a], [b]) => a - b).map(([message, { delays }]): Trace => ({
    type: TYPE_NUMBERS[MESSAGE_TYPES[traffic.type[message]]],
    delays,
  }));
  return { peers: observed.length, messages };
}
