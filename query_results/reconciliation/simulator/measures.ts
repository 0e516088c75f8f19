// What a run counts.

import { IntList } from "./id_pool.ts";
import type { Traffic } from "./traffic.ts";

/** Shares of nodes whose times are kept. */
export const REACH_SHARES = [0.5, 0.95, 0.99, 1];

/** See the module. Counts are of the whole network and run; bytes are as on the wire. */
export class Measures {
  /** Gossip messages in full. */
  messageBytes = 0;
  /** Sketches, coded symbols, fingerprints. */
  sketchBytes = 0;
  /** Announced and requested ids. */
  idBytes = 0;
  /** What failed rounds fell back to. */
  fallbackBytes = 0;
  /** Messages sent in full. */
  deliveries = 0;
  /** How often one or more were sent together. */
  batches = 0;
  /** Messages that their receiver had. */
  repeats = 0;
  /** Messages that came after a newer one about the same. */
  stale = 0;
  /** Messages that waited for their block. */
  held = 0;
  /** Messages that a filter refused. */
  refused = 0;
  rounds = 0;
  /** Rounds whose first sketch did not decode. */
  failedRounds = 0;
  /** Rounds that fell back to sending all ids. */
  fallbacks = 0;
  /** Links that flood again as rounds over them came to nothing. */
  distrusted = 0;
  /** Those of them between honest nodes. */
  wronglyDistrusted = 0;
  differences = 0;
  /** Computing time of reconciliation by the cost table, in milliseconds. */
  cpuMs = 0;
  /** Per message, how many nodes have had it. */
  readonly reach: Int32Array;
  /** Per {@link REACH_SHARES} and message, when that share of nodes had it, in ms since its birth; -1 when never. */
  readonly reachedMs: readonly Int32Array[];
  /** Receipts of the observer in order: message, peer, time since the start in milliseconds. */
  readonly receipts = { message: new IntList(), peer: new IntList(), atMs: new IntList() };
  readonly #thresholds: number[];
  readonly #bornMs: Int32Array;

  /** `nodes` are those that count. */
  constructor(traffic: Traffic, nodes: number) {
    this.#bornMs = traffic.bornMs;
    this.reach = new Int32Array(traffic.count);
    this.reachedMs = REACH_SHARES.map(() => new Int32Array(traffic.count).fill(-1));
    this.#thresholds = REACH_SHARES.map((share) => Math.ceil(share * nodes));
  }

  reached(message: number, nowMs: number): void {
    const count = ++this.reach[message];
    for (let i = 0; i < REACH_SHARES.length; i++) {
      if (count === this.#thresholds[i]) this.reachedMs[i][message] = nowMs - this.#bornMs[message];
    }
  }

  /** The observer has got a message from a peer for the first time. */
  observe(message: number, peer: number, nowMs: number): void {
    this.receipts.message.push(message);
    this.receipts.peer.push(peer);
    this.receipts.atMs.push(nowMs);
  }
}
