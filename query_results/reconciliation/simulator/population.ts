// Who the nodes are: implementation, sync links, delays, presence, and who speaks the new protocol how honestly.

import { type Random, randomInteger } from "../../../shared/random.ts";
import type { Graph } from "./graph.ts";
import { type Implementation, IMPLEMENTATIONS } from "./implementations.ts";
import type { Settings } from "./settings.ts";

/** Per node or per edge. An observer is the last node and subscribes to all its peers. */
export interface Population {
  /** Index of {@link IMPLEMENTATIONS}. */
  readonly implementation: Uint8Array;
  readonly adopts: Uint8Array;
  readonly lies: Uint8Array;
  readonly refuses: Uint8Array;
  /** Per edge: the target asked for gossip. */
  readonly subscribed: Uint8Array;
  /** Per edge: the way alone; equal in both directions. */
  readonly wayMs: Int32Array;
  /** Per node, the mean time until it acts on what came; see `Simulation`. */
  readonly actsMs: Int32Array;
  /** Per node, how much later it learns of a block. */
  readonly blockLagMs: Int32Array;
}

/** How much later than the first a node learns of a block, at most. */
const MAX_BLOCK_LAG_MS = 10_000;

/**
 * Steps of a sequence that fills the unit cube evenly (powers of 1/g, g⁴ = g + 1). In order of degree, nodes take
 * implementation, pace and delay from it, whatever the seed: all delays depend on what the few largest hubs are, and drawn
 * at random, these moved P5 by −25 to +28 % in four seeds.
 */
const SPREAD = [0.8191725133961645, 0.6710436067037893, 0.5497004779019703];

/** Draws one; `adoption` is the share that speaks the protocol, `honest` the nodes before the observer, if there is one. */
export function makePopulation(
  graph: Graph,
  honest: number,
  { population: { slow, ...people }, network: { latency }, liars, filters }: Settings,
  adoption: number,
  random: Random,
): Population {
  const { nodes, first, reverse } = graph;
  const edges = reverse.length;
  const flags = (share: number) =>
    Uint8Array.from({ length: nodes }, (_, node) => node < honest && random.next() < share ? 1 : 0);
  const perImplementation = (of: Readonly<Record<string, number>>) =>
    IMPLEMENTATIONS.map(({ name }) => of[name]);
  const [mix, syncLinks] = [people.mix, people.sync_links].map(perImplementation);
  const adopts = flags(adoption);
  const lies = flags(liars).map((lies, node) => lies & adopts[node]);
  const implementation = new Uint8Array(nodes), actsMs = new Int32Array(nodes);
  [...Array(honest).keys()]
    .sort((a, b) => first[b + 1] - first[b] - first[a + 1] + first[a])
    .forEach((node, rank) => {
      const [kind, pace, delay] = SPREAD.map((step) => (0.5 + rank * step) % 1);
      implementation[node] = indexAt(mix, kind);
      const [low, high] = pace < slow ? people.slow_acts : people.acts;
      actsMs[node] = low + Math.floor(delay * (high - low + 1));
    });
  const subscribed = new Uint8Array(edges);
  for (let node = 0; node < nodes; node++) {
    const own = Array.from({ length: first[node + 1] - first[node] }, (_, i) => first[node] + i);
    const wanted = node < honest ? syncLinks[implementation[node]] : own.length;
    for (let i = 0; i < own.length && i < wanted; i++) {
      const j = i + randomInteger(random, own.length - i);
      [own[i], own[j]] = [own[j], own[i]];
      subscribed[reverse[own[i]]] = 1;
    }
  }
  const drawnMs = Int32Array.from({ length: edges }, () => between(latency, random));
  const wayMs = drawnMs.map((_, edge) => drawnMs[Math.min(edge, reverse[edge])]);
  return {
    implementation,
    adopts,
    lies,
    refuses: flags(filters),
    subscribed,
    wayMs,
    actsMs,
    blockLagMs: Int32Array.from({ length: nodes }, () => randomInteger(random, MAX_BLOCK_LAG_MS)),
  };
}

/** The implementation of the given number. */
export function implementationOf(population: Population, node: number): Implementation {
  return IMPLEMENTATIONS[population.implementation[node]];
}

function between([low, high]: readonly [number, number], random: Random): number {
  return low + randomInteger(random, high - low + 1);
}

/** The index into whose part of all shares, one after the other, `u` in [0, 1) falls. */
function indexAt(shares: readonly number[], u: number): number {
  let left = u * shares.reduce((a, b) => a + b, 0);
  return Math.max(0, shares.findIndex((share) => (left -= share) < 0));
}
