// The channel graph as arrays: the links of a node are the directed edges `first[node] … first[node + 1] - 1`.

import { UserError } from "../../../shared/errors.ts";
import { type Random, randomInteger, shuffled } from "../../../shared/random.ts";

/** Nodes at most: ids of edges and bits of messages stay within 32-bit integers and 8 GB. */
export const MAX_NODES = 50_000;
/** Links at most, for the same reason; the mainnet has about 40,000 channels. */
export const MAX_LINKS = 500_000;

export interface Graph {
  readonly nodes: number;
  /** Per node, its first edge; one more at the end. */
  readonly first: Int32Array;
  /** Per edge, the node it starts from. */
  readonly source: Int32Array;
  /** Per edge, the node it leads to. */
  readonly target: Int32Array;
  /** Per edge, the edge of the other direction. */
  readonly reverse: Int32Array;
}

/** Makes the arrays. `links` are pairs of node numbers, no pair twice, no node to itself. */
export function graphOf(nodes: number, links: readonly (readonly [number, number])[]): Graph {
  const first = new Int32Array(nodes + 1);
  for (const [a, b] of links) {
    first[a + 1]++;
    first[b + 1]++;
  }
  for (let node = 0; node < nodes; node++) first[node + 1] += first[node];
  const source = new Int32Array(2 * links.length);
  const target = new Int32Array(2 * links.length);
  const reverse = new Int32Array(2 * links.length);
  const free = first.slice();
  for (const [a, b] of links) {
    const forth = free[a]++, back = free[b]++;
    source[forth] = target[back] = a;
    target[forth] = source[back] = b;
    reverse[forth] = back;
    reverse[back] = forth;
  }
  return { nodes, first, source, target, reverse };
}

/**
 * A random regular graph (Steger and Wormald's pairing, with swaps for pairs that do not fit).
 *
 * @throws {UserError} when no such graph exists.
 */
export function regularGraph(nodes: number, degree: number, random: Random): Graph {
  if (degree >= nodes || nodes * degree % 2 === 1) {
    throw new UserError(
      `Cannot make a network of ${nodes} nodes with ${degree} links each: links should be fewer than ` +
        "nodes, and nodes × links even",
    );
  }
  const stubs = shuffled(
    Array.from({ length: nodes * degree }, (_, i) => Math.floor(i / degree)),
    random,
  );
  const key = (a: number, b: number) => a < b ? a * nodes + b : b * nodes + a;
  const taken = new Map<number, number>();
  const fits = (a: number, b: number) => a !== b && !taken.has(key(a, b));
  const bad: number[] = [];
  for (let i = 0; i < stubs.length; i += 2) {
    if (fits(stubs[i], stubs[i + 1])) taken.set(key(stubs[i], stubs[i + 1]), i);
    else bad.push(i);
  }
  // Each bad pair swaps an end with a random good one; dense graphs need a few tries each.
  for (let tries = 0; bad.length > 0; tries++) {
    if (tries > 1000 * stubs.length) throw new Error("no regular graph was found");
    const i = bad[bad.length - 1], j = 2 * randomInteger(random, stubs.length / 2);
    if (j === i || bad.includes(j)) continue;
    const [a, b, c, d] = [stubs[i], stubs[i + 1], stubs[j], stubs[j + 1]];
    if (!fits(a, d) || !fits(c, b) || key(a, d) === key(c, b)) continue;
    taken.delete(key(c, d));
    stubs[i + 1] = d;
    stubs[j + 1] = b;
    taken.set(key(a, d), i);
    taken.set(key(c, b), j);
    bad.pop();
  }
  return graphOf(
    nodes,
    Array.from({ length: stubs.length / 2 }, (_, i) => [stubs[2 * i], stubs[2 * i + 1]] as const),
  );
}

/**
 * A graph with hubs (Barabási and Albert 1999): each node in turn links to `links` earlier ones, in proportion to the links
 * that they have.
 *
 * @throws {UserError} when there are too few nodes.
 */
export function hubGraph(nodes: number, links: number, random: Random): Graph {
  if (links >= nodes) {
    throw new UserError(
      `Cannot make a network of ${nodes} nodes with ${links} links each: links should be fewer than nodes`,
    );
  }
  const ends: number[] = [];
  const made: [number, number][] = [];
  const link = (a: number, b: number) => {
    made.push([a, b]);
    ends.push(a, b);
  };
  for (let a = 0; a <= links; a++) for (let b = 0; b < a; b++) link(a, b);
  for (let node = links + 1; node < nodes; node++) {
    const chosen = new Set<number>();
    while (chosen.size < links) chosen.add(ends[randomInteger(random, ends.length)]);
    for (const other of chosen) link(node, other);
  }
  return graphOf(nodes, made);
}

/** The graph with one more node, linked to each of `peers`: it gets the last number. */
export function withObserver(graph: Graph, peers: Int32Array): Graph {
  const links: [number, number][] = [];
  for (let edge = 0; edge < graph.source.length; edge++) {
    if (edge < graph.reverse[edge]) links.push([graph.source[edge], graph.target[edge]]);
  }
  for (const peer of peers) links.push([peer, graph.nodes]);
  return graphOf(graph.nodes + 1, links);
}

/** Per node, the number of its component; components are numbered by their first node. */
export function components(graph: Graph): Int32Array {
  const component = new Int32Array(graph.nodes).fill(-1);
  let count = 0;
  for (let start = 0; start < graph.nodes; start++) {
    if (component[start] >= 0) continue;
    const waiting = [start];
    component[start] = count;
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      for (let edge = graph.first[node]; edge < graph.first[node + 1]; edge++) {
        const next = graph.target[edge];
        if (component[next] >= 0) continue;
        component[next] = count;
        waiting.push(next);
      }
    }
    count++;
  }
  return component;
}
