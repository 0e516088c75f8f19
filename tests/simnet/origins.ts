// Which channel or node a message is about: a few speak often, most seldom. Pure.

import { lookUp, quantileTable } from "../../query_results/reconciliation/calibration/quantiles.ts";
import type { Random } from "../../shared/random.ts";
import { messagesByType } from "./arrivals.ts";
import {
  CHANNEL_KNOTS,
  CHANNELS_PER_UPDATE,
  NODE_KNOTS,
  NODES_PER_ANNOUNCEMENT,
} from "./distributions.ts";
import type { GossipType } from "./real_run.ts";

/** How many there are to speak. */
export interface OriginCounts {
  /** Channels; some never say a word. */
  readonly channels: number;
  /** Nodes, the peers among them. */
  readonly nodes: number;
}

/** Share of the channel_updates that may come before their channel's announcement. */
const EARLY_UPDATE_SHARE = 0.5;
/** The channels and nodes that `messages` messages are about. */
export function originCountsOf(messages: number, peers: number): OriginCounts {
  const count = messagesByType(messages);
  return {
    channels: Math.max(count[256], Math.ceil(count[258] * CHANNELS_PER_UPDATE), 1),
    nodes: Math.max(Math.ceil(count[257] * NODES_PER_ANNOUNCEMENT), peers, 2),
  };
}

/** Draws who speaks. Channels announce themselves in the order of their index, busy ones first. */
export class OriginPicker {
  readonly #channels: Float64Array;
  readonly #nodes: Float64Array;
  #announced = 0;

  /**
   * No channel is announced yet.
   * @param counts from {@link originCountsOf}.
   * @param isKnown all channels were announced before the run: any may speak.
   */
  constructor(
    private readonly counts: OriginCounts,
    private readonly random: Random,
    private readonly isKnown = false,
  ) {
    this.#channels = quantileTable(CHANNEL_KNOTS);
    this.#nodes = quantileTable(NODE_KNOTS);
  }

  /** The origin of the next message of `type`. */
  pick(type: GossipType): number {
    if (type === 256) return this.#announced++;
    if (type === 257) return this.#draw(this.#nodes, this.counts.nodes);
    const channel = this.#draw(this.#channels, this.counts.channels);
    if (this.isKnown || channel < this.#announced || this.#announced === 0) return channel;
    return this.random.next() < EARLY_UPDATE_SHARE
      ? channel
      : this.#draw(this.#channels, this.#announced);
  }

  #draw(table: Float64Array, count: number): number {
    return Math.min(count - 1, Math.floor(lookUp(table, this.random.next()) * count));
  }
}
