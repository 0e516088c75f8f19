// The nodes and channels of a simulated network, from a seed: the same index has the same keys in every run.

import { scidOf } from "../../shared/bolt/scid.ts";
import { inOrder, type TestKey, testKey } from "../support/fixtures/signed_gossip.ts";
import type { OriginCounts } from "./origins.ts";

/** A channel of the simulated network. */
export interface SimulatedChannel {
  /** Of its own, mainnet-like. */
  readonly scid: bigint;
  /** In BOLT 7's order: node 1 has the lesser id. */
  readonly nodes: readonly [TestKey, TestKey];
}

/** Block of channel 0; each channel has a block of its own. */
const FIRST_BLOCK = 700_000;
const TRANSACTIONS_PER_BLOCK = 3000;
/** The square makes a few nodes hubs with many channels. */
const HUB_POWER = 2;

/** Makes keys and channels on demand and keeps them, at most {@link OriginCounts} of each. */
export class Universe {
  readonly #seed: string;
  readonly #nodes: TestKey[] = [];
  readonly #channels: SimulatedChannel[] = [];

  /** A universe of its own. @param counts how many there are; the first nodes are the peers. */
  constructor(seed: string | number, private readonly counts: OriginCounts) {
    this.#seed = `simnet ${seed}`;
  }

  /** The key pair of node `index`. */
  node(index: number): TestKey {
    return this.#nodes[index] ??= testKey(`${this.#seed} node ${index}`);
  }

  /** Channel `index`. */
  channel(index: number): SimulatedChannel {
    return this.#channels[index] ??= this.#makeChannel(index);
  }

  /** The two funding keys of channel `index`; not kept, for they sign once. */
  fundingKeys(index: number): [TestKey, TestKey] {
    const label = `${this.#seed} channel ${index} funding key`;
    return [testKey(`${label} 1`), testKey(`${label} 2`)];
  }

  #makeChannel(index: number): SimulatedChannel {
    const { nodes } = this.counts;
    const a = index % nodes;
    // Multiples of the golden ratio: evenly spread, and without a generator whose order of use would matter.
    const share = (index * 0.6180339887498949) % 1;
    const offset = 1 + Math.floor(share ** HUB_POWER * (nodes - 1));
    const scid = scidOf({
      block: FIRST_BLOCK + index,
      transaction: Math.floor(share * TRANSACTIONS_PER_BLOCK),
      output: index % 2,
    });
    return { scid, nodes: inOrder([this.node(a), this.node((a + offset) % nodes)]) };
  }
}
