// When a node relays: the timers of today's implementations.

import { SUB_BATCH_DELAY_MS, subBatchSize } from "./implementations.ts";
import { randomInteger, shuffled } from "../../../shared/random.ts";
import { implementationOf } from "./population.ts";
import { SILENT } from "./protocol.ts";
import type { Simulation } from "./simulation.ts";
import { MESSAGE_TYPES } from "./traffic.ts";

const TRICKLE = 0;
const SUB_BATCH = 1;
const FLUSH = 2;
const OWN = 3;

/** See the module. */
export class Pacer {
  /** Per edge, or per node that trickles: how far its log was sent. */
  readonly #sentOnEdge: Int32Array;
  readonly #sentByNode: Int32Array;
  /** Per edge, when it is flushed next, in milliseconds since the start. */
  readonly #flushMs: Int32Array;
  readonly #atOnce: Uint8Array;

  /** `firstEvent` is the first of the event kinds that are the pacer's. */
  constructor(
    private readonly simulation: Simulation,
    private readonly firstEvent: number,
    private readonly timerScale: number,
  ) {
    const { graph, population } = simulation;
    this.#sentOnEdge = new Int32Array(graph.source.length);
    this.#sentByNode = new Int32Array(graph.nodes);
    this.#flushMs = new Int32Array(graph.source.length);
    this.#atOnce = population.implementation.map((_, node) =>
      implementationOf(population, node).pacing === "at-once" ? 1 : 0
    );
  }

  start(): void {
    const { graph, population, nodes, random, mode } = this.simulation;
    for (let node = 0; node < nodes; node++) {
      const { pacing } = implementationOf(population, node);
      const interval = this.#interval(node);
      if (pacing === "trickle") this.#push(randomInteger(random, interval), TRICKLE, node, 0, 0);
      if (pacing !== "flush") continue;
      for (let edge = graph.first[node]; edge < graph.first[node + 1]; edge++) {
        this.#flushMs[edge] = randomInteger(random, interval);
        if (mode[edge] !== SILENT) this.#push(this.#flushMs[edge], FLUSH, edge, 0, 0);
      }
    }
  }

  /** An edge that was silent is going to carry what comes from now on. */
  opened(edge: number): void {
    const { graph, population, logLength } = this.simulation;
    const node = graph.source[edge];
    this.#sentOnEdge[edge] = logLength[node];
    if (implementationOf(population, node).pacing === "flush") {
      this.#push(this.#untilFlush(edge), FLUSH, edge, 0, 0);
    }
  }

  /** A node has got new messages together. */
  learned(node: number, ids: Int32Array, count: number): void {
    if (this.#atOnce[node] === 0) return;
    const { graph, mode } = this.simulation;
    for (let edge = graph.first[node]; edge < graph.first[node + 1]; edge++) {
      if (mode[edge] !== SILENT) this.simulation.relay(edge, mode[edge], ids, 0, count);
    }
  }

  /** A node has made a message, after it has learned it. */
  made(node: number, message: number): void {
    const { graph, population, mode, ownMode } = this.simulation;
    const { pacing, ownAtOnce, ownTwice } = implementationOf(population, node);
    if (pacing === "trickle") return;
    this.#single[0] = message;
    for (let edge = graph.first[node]; edge < graph.first[node + 1]; edge++) {
      if (ownMode[edge] === SILENT) continue;
      if (ownTwice && mode[edge] !== SILENT) this.simulation.sendOne(edge, message);
      else if (ownAtOnce) this.simulation.relay(edge, ownMode[edge], this.#single, 0, 1);
      else if (mode[edge] === SILENT) {
        this.#push(this.#untilFlush(edge), OWN, edge, message, 0);
      }
    }
  }

  /** A node that came back asks for live gossip, and gets nothing of what it missed. */
  returned(node: number): void {
    const { graph, logLength } = this.simulation;
    for (let edge = graph.first[node]; edge < graph.first[node + 1]; edge++) {
      const back = graph.reverse[edge];
      this.#sentOnEdge[back] = logLength[graph.target[edge]];
      this.#sentOnEdge[edge] = logLength[node];
    }
  }

  event(kind: number, a: number, b: number, c: number): void {
    const simulation = this.simulation;
    switch (kind - this.firstEvent) {
      case TRICKLE:
        return this.#trickle(a);
      case SUB_BATCH:
        return this.#subBatch(a, b, c);
      case FLUSH:
        return this.#flush(a);
      case OWN:
        this.#single[0] = b;
        return simulation.relay(a, simulation.ownMode[a], this.#single, 0, 1);
    }
  }

  readonly #single = new Int32Array(1);

  #push(delayMs: number, kind: number, a: number, b: number, c: number): void {
    this.simulation.wheel.push(delayMs, this.firstEvent + kind, a, b, c);
  }

  /** Until the next multiple of the interval at the edge's phase. */
  #untilFlush(edge: number): number {
    const { graph, wheel } = this.simulation;
    const interval = this.#interval(graph.source[edge]);
    return (this.#flushMs[edge] % interval - wheel.now % interval + interval) % interval;
  }

  #interval(node: number): number {
    const { intervalMs } = implementationOf(this.simulation.population, node);
    return Math.round(intervalMs * this.timerScale);
  }

  /**
   * LND: own messages first and to all, then the rest in sub-batches five seconds apart: channel announcements, updates,
   * node announcements, each in the random order of a Go map (LND `discovery/gossiper.go`, `Emit`).
   */
  #trickle(node: number): void {
    const { log, logLength, traffic, graph, ownMode, online } = this.simulation;
    const row = node * traffic.count;
    const interval = this.#interval(node);
    this.#push(interval, TRICKLE, node, 0, 0);
    const own: number[] = [], byType: number[][] = MESSAGE_TYPES.map(() => []);
    for (let i = this.#sentByNode[node]; i < logLength[node]; i++) {
      const message = log[row + i];
      if (this.simulation.isSuperseded(node, message)) continue;
      (traffic.origin[message] === node ? own : byType[traffic.type[message]]).push(message);
    }
    this.#sentByNode[node] = logLength[node];
    if (online[node] === 0) return;
    if (own.length > 0) {
      const ids = Int32Array.from(own);
      for (let edge = graph.first[node]; edge < graph.first[node + 1]; edge++) {
        if (ownMode[edge] !== SILENT) {
          this.simulation.relay(edge, ownMode[edge], ids, 0, ids.length);
        }
      }
    }
    const { random } = this.simulation;
    const others = [2, 0, 1].flatMap((type) => shuffled(byType[type], random));
    const size = subBatchSize(others.length, interval);
    const delayMs = Math.round(SUB_BATCH_DELAY_MS * this.timerScale);
    let waitMs = own.length > 0 ? delayMs : 0;
    for (let from = 0; from < others.length; from += size, waitMs += delayMs) {
      const ids = Int32Array.from(others.slice(from, from + size));
      this.#push(waitMs, SUB_BATCH, node, this.simulation.keep(ids, ids.length), ids.length);
    }
  }

  #subBatch(node: number, block: number, count: number): void {
    const { graph, mode, online, pool } = this.simulation;
    if (online[node] === 1) {
      for (let edge = graph.first[node]; edge < graph.first[node + 1]; edge++) {
        if (mode[edge] === SILENT) continue;
        this.simulation.relay(edge, mode[edge], pool.ids, block, block + count);
      }
    }
    pool.release(block, count);
  }

  #flush(edge: number): void {
    const { graph, log, logLength, traffic, mode, wheel } = this.simulation;
    const node = graph.source[edge];
    const interval = this.#interval(node);
    this.#flushMs[edge] = wheel.now + interval;
    this.#push(interval, FLUSH, edge, 0, 0);
    const row = node * traffic.count;
    const from = this.#sentOnEdge[edge], until = logLength[node];
    if (from === until || !this.simulation.isUp(edge)) return;
    this.#sentOnEdge[edge] = until;
    this.simulation.relay(edge, mode[edge], log, row + from, row + until);
  }
}
