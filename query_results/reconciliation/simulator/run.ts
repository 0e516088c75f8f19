// One run: the network of its settings, simulated, and what came of it.

import { UserError } from "../../../shared/errors.ts";
import { type Random, seededRandom, shuffled } from "../../../shared/random.ts";
import { DecodeCheck } from "./decode_check.ts";
import { type Graph, hubGraph, regularGraph, withObserver } from "./graph.ts";
import { readGraph } from "./graph_file.ts";
import { makePopulation } from "./population.ts";
import type { PlannedRun, Settings } from "./settings.ts";
import { Simulation } from "./simulation.ts";
import { type GivenTraffic, makeTraffic } from "./traffic.ts";

/** Most memory that a run's bitmaps and logs may take. */
const MAX_BYTES = 8 * 1024 ** 3;
/** Messages born in this part of a run are measured: the network has filled, and they have time to arrive. */
const MEASURED = [0.15, 0.65];
/** Steps between which progress is reported. */
const STEPS = 200;

/** What a finished run leaves. */
export interface FinishedRun {
  readonly plan: PlannedRun;
  readonly simulation: Simulation;
  readonly durationMs: number;
  /** Of the messages that are measured: born from here … */
  readonly fromMs: number;
  /** … until here. */
  readonly untilMs: number;
}

/** The graph of the settings, without an observer. */
export async function networkGraph({ network, seed }: Settings): Promise<Graph> {
  const { file, largest_part, shape, nodes, links } = network;
  if (file !== undefined) return await readGraph(file, largest_part);
  const random = seededRandom(`${seed}/graph`);
  return shape === "hubs" ? hubGraph(nodes, links, random) : regularGraph(nodes, links, random);
}

/**
 * Simulates. Runs of one seed share graph, population and traffic, whatever their protocol.
 *
 * @param progress is given the share that is done.
 * @param given messages in place of drawn ones.
 * @throws {UserError} when it would take too much memory.
 */
export function simulate(
  plan: PlannedRun,
  base: Graph,
  progress: (share: number) => void,
  given?: GivenTraffic,
): FinishedRun {
  const { settings, file } = plan;
  const { population, rate, seed } = settings;
  const stream = (name: string): Random => seededRandom(`${seed}/${name}`);
  const peers = shuffled([...Array(base.nodes).keys()], stream("observer"))
    .slice(0, settings.observer);
  const graph = peers.length > 0 ? withObserver(base, Int32Array.from(peers)) : base;
  const durationMs = Math.round(settings.hours * 3_600_000);
  checkMemory(graph, given?.bornMs.length ?? rate * durationMs / 1000);
  const adoption = plan.protocol === "flood" ? 0 : settings.adoption;
  const onePerBlock = file.onePerBlock === true;
  const simulation = new Simulation({
    graph,
    nodes: base.nodes,
    population: makePopulation(graph, base.nodes, settings, adoption, stream("population")),
    traffic: makeTraffic(
      graph,
      base.nodes,
      { rate, durationMs, onePerBlock, given },
      stream("traffic"),
    ),
    protocol: file.create(plan.options),
    churn: settings.churn && { onlineMs: settings.churn.online, offlineMs: settings.churn.offline },
    refusedShare: settings.refused,
    heights: onePerBlock,
    timerScale: population.timer_scale,
    random: stream("run"),
    check: decodeCheck(plan, graph, durationMs, stream("decode")),
  });
  for (let step = 1; step <= STEPS; step++) {
    simulation.run(Math.round(durationMs * step / STEPS));
    progress(step / STEPS);
  }
  const [fromMs, untilMs] = MEASURED.map((share) => share * durationMs);
  return { plan, simulation, durationMs, fromMs, untilMs };
}

/** Samples about `decoded` of the sketches that the run is going to see, with a fifth to spare. */
function decodeCheck(
  { options, settings }: PlannedRun,
  graph: Graph,
  durationMs: number,
  random: Random,
) {
  const { interval, bits } = options as { interval?: number; bits?: number };
  if (interval === undefined || bits === undefined || settings.decoded === 0) return undefined;
  const rounds = graph.source.length / 2 * settings.adoption ** 2 * durationMs / interval;
  return new DecodeCheck(random, Math.min(1, 1.2 * settings.decoded / rounds), settings.decoded);
}

function checkMemory(graph: Graph, messages: number): void {
  const bytes = messages * (graph.nodes * (4 + 1 / 8) + graph.source.length / 8);
  if (bytes <= MAX_BYTES) return;
  const size = (bytes / 1024 ** 3).toFixed(0);
  throw new UserError(
    `Cannot simulate ${
      Math.round(messages)
    } messages in ${graph.nodes} nodes: it takes ${size} GiB, ` +
      "at most 8 are allowed; ask for fewer hours, nodes or messages per second",
  );
}
