/**
 * Which two nodes may sign the updates of a channel, as told by channel_announcements whose signatures hold.
 *
 * Nobody looks up the funding output here, so whoever likes can announce any scid under keys of its own. That is why
 * a scid may have several pairs of nodes: a false announcement then cannot make the true nodes' updates look false.
 *
 * @module
 */
import type { NodePair } from "./graph/graph_view.ts";

/** Three times the channels of mainnet; about 70 MB when full. */
const MAX_CHANNELS = 200_000;
/** So many pairs of nodes are kept for one scid: the first that announced it. */
const MAX_PAIRS = 4;

/** A bounded map from scid to node ids; when it is full the scid that was announced first makes room. */
export class ChannelKeys {
  #pairs = new Map<bigint, NodePair[]>();

  /** Starts empty, but for what somebody else has kept. */
  constructor(
    private readonly maxChannels: number = MAX_CHANNELS,
    private readonly kept: (scid: bigint) => NodePair | null = () => null,
  ) {}

  /** Channels known. */
  get size(): number {
    return this.#pairs.size;
  }

  /** Takes note of a channel_announcement; true when it says something new. */
  add(scid: bigint, pair: NodePair): boolean {
    const known = this.#pairs.get(scid);
    if (known) {
      if (known.length >= MAX_PAIRS) return false;
      if (known.some((each) => isSame(each, pair))) return false;
      known.push(pair);
      return true;
    }
    if (this.#pairs.size >= this.maxChannels) {
      for (const oldest of this.#pairs.keys()) {
        this.#pairs.delete(oldest);
        break;
      }
    }
    this.#pairs.set(scid, [pair]);
    return true;
  }

  /** Whether anybody announced `scid`. */
  has(scid: bigint): boolean {
    return this.#pairs.has(scid) || this.kept(scid) !== null;
  }

  /** The nodes that announced `scid`; none when it is not known. */
  get(scid: bigint): readonly NodePair[] {
    const told = this.#pairs.get(scid) ?? [];
    const kept = this.kept(scid);
    return kept === null || told.some((pair) => isSame(pair, kept)) ? told : [kept, ...told];
  }
}

function isSame(a: NodePair, b: NodePair): boolean {
  return a[0] === b[0] && a[1] === b[1];
}
