// How two ends of a link differ: real sets, compared message by message.

import { IntList } from "./id_pool.ts";
import type { Simulation } from "./simulation.ts";
import { MESSAGE_TYPES } from "./traffic.ts";

const TYPES = MESSAGE_TYPES.length;

/**
 * The difference over a link, filled anew for each round. A set holds the newest message per subject. What was settled in
 * earlier rounds is not looked at again: each edge has a position in its source's log for that.
 */
export class Difference {
  /** In the set of the edge's source alone. */
  readonly here = new IntList();
  /** In the set of its target alone. */
  readonly there = new IntList();
  /** Per type, the size of the symmetric difference, with what a filter keeps apart for good. */
  readonly size = new Int32Array(TYPES);
  /** Per type, the difference of the set sizes. */
  readonly sizeGap = new Int32Array(TYPES);
  /** Per type, messages at the source since the last settled round. */
  readonly newHere = new Int32Array(TYPES);
  /** Per type, the same at the target. */
  readonly newThere = new Int32Array(TYPES);
  readonly #settled: Int32Array;

  constructor(private readonly simulation: Simulation) {
    this.#settled = new Int32Array(simulation.graph.source.length);
  }

  /** Compares the two ends of an edge now. */
  compare(edge: number): void {
    const { graph, traffic, setSize } = this.simulation;
    this.here.count = this.there.count = 0;
    this.size.fill(0);
    this.#scan(edge, this.here, this.there, this.newHere);
    this.#scan(graph.reverse[edge], this.there, this.here, this.newThere);
    for (const side of [this.here, this.there]) {
      for (let i = 0; i < side.count; i++) this.size[traffic.type[side.ids[i]]]++;
    }
    const a = TYPES * graph.source[edge], b = TYPES * graph.target[edge];
    for (let type = 0; type < TYPES; type++) {
      this.sizeGap[type] = Math.abs(setSize[a + type] - setSize[b + type]);
      this.size[type] += this.#filtered(graph.source[edge], graph.target[edge], type);
    }
  }

  /** The first `most` of what an end lacks travels: what is left is looked at again. Keeps it in `side`. */
  settle(edge: number, side: IntList, most: number): void {
    const { log, logLength, traffic, graph } = this.simulation;
    const node = graph.source[edge], row = node * traffic.count;
    const other = graph.target[edge];
    let kept = 0, until = logLength[node];
    for (let i = 0; i < side.count; i++) {
      const message = side.ids[i];
      if (this.simulation.has(other, message)) continue;
      if (this.simulation.isSuperseded(other, message)) continue;
      if (kept < most) side.ids[kept++] = message;
      else {
        for (let at = this.#settled[edge]; at < until; at++) {
          if (log[row + at] === message) until = at;
        }
        break;
      }
    }
    side.count = kept;
    this.#settled[edge] = until;
  }

  #scan(edge: number, here: IntList, there: IntList, fresh: Int32Array): void {
    const simulation = this.simulation;
    const { log, logLength, traffic, graph, have, words } = simulation;
    const { newer, older, type } = traffic;
    const node = graph.source[edge], other = graph.target[edge];
    const row = node * traffic.count, otherRow = other * words;
    const filters = simulation.population.refuses[other] === 1;
    fresh.fill(0);
    for (let at = this.#settled[edge]; at < logLength[node]; at++) {
      const message = log[row + at];
      if (newer[message] >= 0 && simulation.isSuperseded(node, message)) continue;
      fresh[type[message]]++;
      if ((have[otherRow + (message >>> 5)] >>> (message & 31) & 1) === 1) continue;
      if (newer[message] >= 0 && simulation.isSuperseded(other, message)) continue;
      if (filters && simulation.refusable[message] === 1) continue;
      here.push(message);
      // What the other end still has about the same subject is in its set alone.
      for (let last = older[message]; last >= 0; last = older[last]) {
        if (!simulation.has(other, last)) continue;
        there.push(last);
        break;
      }
    }
  }

  /** What one end has and the other refuses. */
  #filtered(a: number, b: number, type: number): number {
    const { population: { refuses }, refusableSize } = this.simulation;
    if (refuses[a] === refuses[b]) return 0;
    return refusableSize[TYPES * (refuses[a] ? b : a) + type];
  }
}
