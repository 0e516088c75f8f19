// The engine: who holds which message, who was sent what over which link, and the events between.
//
// Sets are bitmaps with one row per node or edge; messages are numbered by birth, so that what moves at about the same
// time shares cache lines.

import { FRAME_BYTES } from "../algorithms/wire.ts";
import type { Random } from "../../../shared/random.ts";
import type { DecodeCheck } from "./decode_check.ts";
import { EventWheel } from "./event_wheel.ts";
import type { Graph } from "./graph.ts";
import { IdPool, IntList } from "./id_pool.ts";
import { Measures } from "./measures.ts";
import { Pacer } from "./pacer.ts";
import type { Population } from "./population.ts";
import { FIRST_PROTOCOL_EVENT, FLOOD, type Protocol, SILENT } from "./protocol.ts";
import { MESSAGE_TYPES, type Traffic } from "./traffic.ts";

/** Event: the next message is born. */
const BIRTH = 0;
/** Event: a block of messages reaches an edge's target. */
const DELIVER = 1;
/** Event: one message does. */
const DELIVER_ONE = 2;
/** Event: a node leaves or comes back. */
const CHURN = 3;
/** Event: a node has seen the block that a message waited for. */
const HELD = 4;
/** Events of the pacer: 5 to 15. */
const FIRST_PACER_EVENT = 5;

export interface SimulationParts {
  /** With the observer as its last node, if there is one. */
  readonly graph: Graph;
  /** How many nodes count: all but the observer. */
  readonly nodes: number;
  readonly population: Population;
  readonly traffic: Traffic;
  /** How adopters talk. */
  readonly protocol: Protocol;
  /** Mean times that a node stays and is away, in milliseconds; none leaves without. */
  readonly churn?: { readonly onlineMs: number; readonly offlineMs: number };
  /** Share of messages that a node with a filter refuses. */
  readonly refusedShare: number;
  readonly timerScale: number;
  /** Nodes refuse messages of a block that they have not seen. */
  readonly heights: boolean;
  readonly random: Random;
  readonly check?: DecodeCheck;
}

/** See the module. */
export class Simulation {
  readonly wheel = new EventWheel();
  readonly pool = new IdPool();
  readonly graph: Graph;
  readonly nodes: number;
  readonly population: Population;
  readonly traffic: Traffic;
  readonly random: Random;
  readonly check?: DecodeCheck;
  readonly measures: Measures;
  /** Per edge, how it carries what its source relays; see {@link FLOOD}. */
  readonly mode: Uint8Array;
  /** Per edge, how it carries what its source made. */
  readonly ownMode: Uint8Array;
  /** Per node, 1 while it is there. */
  readonly online: Uint8Array;
  /** Nodes that left or came back, in order; at first all are there. */
  readonly turns: { readonly node: number; readonly atMs: number }[] = [];
  /** Per message, 1 when nodes with a filter refuse all about its subject. */
  readonly refusable: Uint8Array;
  /** Per node and type, how many subjects it has a message about. */
  readonly setSize: Int32Array;
  /** How many of them nodes with a filter refuse. */
  readonly refusableSize: Int32Array;
  readonly words: number;
  /** Per node, which messages it has or had. */
  readonly have: Int32Array;
  /** Per edge, which messages its source sent over it or got over it. */
  readonly sent: Int32Array;
  /** Per node, its messages in order of arrival: row `node × traffic.count`. */
  readonly log: Int32Array;
  /** Per node, how many of its row are filled. */
  readonly logLength: Int32Array;
  readonly #protocol: Protocol;
  readonly #pacer: Pacer;
  readonly #scratch = new IntList();
  readonly #fresh = new IntList();
  readonly #single = new Int32Array(1);
  #born = 0;

  constructor(private readonly parts: SimulationParts) {
    const { graph, population, traffic } = parts;
    [this.graph, this.population, this.traffic] = [graph, population, traffic];
    this.nodes = parts.nodes;
    this.random = parts.random;
    this.check = parts.check;
    const edges = graph.source.length;
    this.words = (traffic.count + 31) >>> 5;
    this.have = new Int32Array(graph.nodes * this.words);
    this.sent = new Int32Array(edges * this.words);
    this.log = new Int32Array(graph.nodes * traffic.count);
    this.logLength = new Int32Array(graph.nodes);
    this.online = new Uint8Array(graph.nodes).fill(1);
    this.setSize = new Int32Array(MESSAGE_TYPES.length * graph.nodes);
    this.refusable = new Uint8Array(traffic.count);
    for (let message = 0; message < traffic.count; message++) {
      const older = traffic.older[message];
      const isNew = older < 0 && this.random.next() < parts.refusedShare;
      this.refusable[message] = isNew || older >= 0 && this.refusable[older] ? 1 : 0;
    }
    this.refusableSize = new Int32Array(MESSAGE_TYPES.length * graph.nodes);
    this.measures = new Measures(traffic, parts.nodes);
    this.mode = Uint8Array.from(population.subscribed, (asked) => asked ? FLOOD : SILENT);
    // Every implementation sends what it made to every peer.
    this.ownMode = new Uint8Array(edges).fill(FLOOD);
    if (graph.nodes > parts.nodes) this.#muteObserver();
    this.#protocol = parts.protocol;
    this.#pacer = new Pacer(this, FIRST_PACER_EVENT, parts.timerScale);
    this.#protocol.start(this, this.#speakingLinks());
    this.#pacer.start();
    if (traffic.count > 0) this.wheel.push(traffic.bornMs[0], BIRTH, 0, 0, 0);
    if (parts.churn) this.#startChurn();
  }

  run(untilMs: number): void {
    const { wheel } = this;
    while (wheel.next(untilMs)) {
      const { kind, a, b, c } = wheel;
      if (kind === DELIVER) this.#deliver(a, b, c);
      else if (kind === DELIVER_ONE) this.#deliverOne(a, b);
      else if (kind >= FIRST_PROTOCOL_EVENT) this.#protocol.event!(this, kind, a, b, c);
      else if (kind >= FIRST_PACER_EVENT) this.#pacer.event(kind, a, b, c);
      else if (kind === BIRTH) this.#birth(a);
      else if (kind === CHURN) this.#churn(a);
      else if (!this.has(a, b)) this.#learnOne(a, b);
    }
  }

  /** Whether the node has a newer message about the same. */
  isSuperseded(node: number, message: number): boolean {
    const { newer } = this.traffic;
    // Messages are numbered by birth: none from `#born` on is there yet.
    for (let next = newer[message]; next >= 0 && next < this.#born; next = newer[next]) {
      if (this.has(node, next)) return true;
    }
    return false;
  }

  /** Whether the node has or had the message. */
  has(node: number, message: number): boolean {
    return (this.have[node * this.words + (message >>> 5)] >>> (message & 31) & 1) === 1;
  }

  /** Whether a node with a filter wants none of it. */
  isRefused(node: number, message: number): boolean {
    return this.population.refuses[node] === 1 && this.refusable[message] === 1;
  }

  /**
   * Sends of `ids[from … until - 1]` what the peer does not know of and what is not superseded, as the edge's `mode`
   * says.
   */
  relay(edge: number, mode: number, ids: Int32Array, from: number, until: number): void {
    const { sent, words } = this;
    const { newer } = this.traffic;
    const row = edge * words, node = this.graph.source[edge];
    const scratch = this.#scratch.cleared(until - from).ids;
    let count = 0;
    for (let i = from; i < until; i++) {
      const message = ids[i], word = row + (message >>> 5), bit = 1 << (message & 31);
      if ((sent[word] & bit) !== 0) continue;
      if (newer[message] >= 0 && this.isSuperseded(node, message)) continue;
      sent[word] |= bit;
      scratch[count++] = message;
    }
    if (count === 0) return;
    if (mode === FLOOD) this.sendMessages(edge, scratch, count, 0);
    else this.#protocol.paced!(this, edge, scratch, count);
  }

  /** From now on the edge floods all that its source gets or makes. */
  flood(edge: number): void {
    if (this.mode[edge] !== FLOOD) this.#pacer.opened(edge);
    this.mode[edge] = this.ownMode[edge] = FLOOD;
  }

  markSent(edge: number, ids: Int32Array, count: number): void {
    const row = edge * this.words;
    for (let i = 0; i < count; i++) this.sent[row + (ids[i] >>> 5)] |= 1 << (ids[i] & 31);
  }

  /** Sends one message in full at once, whatever the peer knows. */
  sendOne(edge: number, message: number): void {
    this.measures.messageBytes += this.traffic.sizeBytes[message] + FRAME_BYTES;
    this.measures.deliveries++;
    this.measures.batches++;
    this.wheel.push(this.#latencyMs(edge), DELIVER_ONE, edge, message, 0);
  }

  /** Sends messages in full, `delayMs` from now. */
  sendMessages(edge: number, ids: Int32Array, count: number, delayMs: number): void {
    const { sizeBytes } = this.traffic;
    let bytes = FRAME_BYTES * count;
    for (let i = 0; i < count; i++) bytes += sizeBytes[ids[i]];
    this.measures.messageBytes += bytes;
    this.measures.deliveries += count;
    this.measures.batches++;
    const due = delayMs + this.#latencyMs(edge);
    if (count === 1) return this.wheel.push(due, DELIVER_ONE, edge, ids[0], 0);
    const block = this.keep(ids, count);
    this.wheel.push(due, DELIVER, edge, block, count);
  }

  /**
   * The way, and what the target takes until it acts: 4u³ times its mean for a uniform u, mostly little and at times much.
   * A uniform wait of equal mean fails the calibration: it makes all peers slower and their order too fixed.
   */
  #latencyMs(edge: number): number {
    const { wayMs, actsMs } = this.population;
    const acts = actsMs[this.graph.target[edge]];
    if (acts === 0) return wayMs[edge];
    const u = this.random.next();
    return wayMs[edge] + Math.floor(4 * acts * u * u * u);
  }

  /** Copies ids into the pool: give them back with `pool.release`. */
  keep(ids: Int32Array, count: number): number {
    const block = this.pool.allocate(count);
    this.pool.ids.set(ids.subarray(0, count), block);
    return block;
  }

  isUp(edge: number): boolean {
    return this.online[this.graph.source[edge]] === 1 && this.online[this.graph.target[edge]] === 1;
  }

  #deliver(edge: number, block: number, count: number): void {
    const ids = this.pool.ids;
    if (this.isUp(edge)) {
      const { have, sent, words } = this;
      const news = this.#fresh.cleared(count).ids;
      const node = this.graph.target[edge];
      const back = this.graph.reverse[edge] * words, row = node * words;
      if (node >= this.nodes) {
        for (let i = 0; i < count; i++) this.#observe(edge, ids[block + i]);
      } else {
        let fresh = 0;
        for (let i = 0; i < count; i++) {
          const message = ids[block + i], word = message >>> 5, bit = 1 << (message & 31);
          sent[back + word] |= bit;
          if ((have[row + word] & bit) !== 0) this.measures.repeats++;
          else if (this.#learn(node, message)) news[fresh++] = message;
        }
        if (fresh > 0) this.#pacer.learned(node, news, fresh);
      }
    }
    this.pool.release(block, count);
  }

  #deliverOne(edge: number, message: number): void {
    if (!this.isUp(edge)) return;
    const node = this.graph.target[edge];
    if (node >= this.nodes) return this.#observe(edge, message);
    const word = message >>> 5, bit = 1 << (message & 31);
    this.sent[this.graph.reverse[edge] * this.words + word] |= bit;
    if ((this.have[node * this.words + word] & bit) !== 0) this.measures.repeats++;
    else this.#learnOne(node, message);
  }

  #learnOne(node: number, message: number): void {
    if (!this.#learn(node, message)) return;
    this.#single[0] = message;
    this.#pacer.learned(node, this.#single, 1);
  }

  #observe(edge: number, message: number): void {
    const word = this.graph.reverse[edge] * this.words + (message >>> 5), bit = 1 << (message & 31);
    if ((this.sent[word] & bit) !== 0) return;
    this.sent[word] |= bit;
    this.measures.observe(message, this.graph.source[edge], this.wheel.now);
  }

  /** Whether the node takes it. */
  #learn(node: number, message: number): boolean {
    const { traffic } = this;
    if (this.isRefused(node, message)) {
      this.measures.refused++;
      return false;
    }
    if (traffic.newer[message] >= 0 && this.isSuperseded(node, message)) {
      this.measures.stale++;
      return false;
    }
    if (this.parts.heights) {
      const { blockLagMs } = this.population;
      const waitMs = traffic.blockMs[traffic.height[message]] + blockLagMs[node] - this.wheel.now;
      if (waitMs > 0 && traffic.origin[message] !== node) {
        this.measures.held++;
        this.wheel.push(waitMs, HELD, node, message, 0);
        return false;
      }
    }
    if (!this.#hasOlder(node, message)) {
      const slot = MESSAGE_TYPES.length * node + traffic.type[message];
      this.setSize[slot]++;
      this.refusableSize[slot] += this.refusable[message];
    }
    this.have[node * this.words + (message >>> 5)] |= 1 << (message & 31);
    this.log[node * traffic.count + this.logLength[node]++] = message;
    this.measures.reached(message, this.wheel.now);
    return true;
  }

  #hasOlder(node: number, message: number): boolean {
    const { older } = this.traffic;
    for (let last = older[message]; last >= 0; last = older[last]) {
      if (this.has(node, last)) return true;
    }
    return false;
  }

  #birth(message: number): void {
    const { traffic, wheel } = this;
    this.#born = message + 1;
    if (message + 1 < traffic.count) {
      wheel.push(traffic.bornMs[message + 1] - wheel.now, BIRTH, message + 1, 0, 0);
    }
    const origin = traffic.origin[message];
    // An absent node has no channels to update.
    if (this.online[origin] === 0) return;
    this.#learnOne(origin, message);
    this.#pacer.made(origin, message);
  }

  #muteObserver(): void {
    const { first, nodes } = this.graph;
    for (let edge = first[nodes - 1]; edge < first[nodes]; edge++) {
      this.mode[edge] = this.ownMode[edge] = SILENT;
    }
  }

  /** One edge per link between two adopters; these stop flooding. */
  #speakingLinks(): Int32Array {
    const { source, target, reverse } = this.graph;
    const { adopts } = this.population;
    const links: number[] = [];
    for (let edge = 0; edge < source.length; edge++) {
      if (edge > reverse[edge] || !adopts[source[edge]] || !adopts[target[edge]]) continue;
      links.push(edge);
    }
    return Int32Array.from(links);
  }

  #startChurn(): void {
    const { onlineMs, offlineMs } = this.parts.churn!;
    for (let node = 0; node < this.nodes; node++) {
      const isThere = this.random.next() * (onlineMs + offlineMs) < onlineMs;
      if (!isThere) this.#turn(node, false);
      this.wheel.push(this.#stay(isThere ? onlineMs : offlineMs), CHURN, node, 0, 0);
    }
  }

  #churn(node: number): void {
    const { onlineMs, offlineMs } = this.parts.churn!;
    const isThere = this.online[node] === 0;
    this.#turn(node, isThere);
    this.wheel.push(this.#stay(isThere ? onlineMs : offlineMs), CHURN, node, 0, 0);
    if (isThere) this.#pacer.returned(node);
  }

  #turn(node: number, isThere: boolean): void {
    this.online[node] = isThere ? 1 : 0;
    this.turns.push({ node, atMs: this.wheel.now });
  }

  #stay(meanMs: number): number {
    return 1 + Math.floor(2 * meanMs * this.random.next());
  }
}
