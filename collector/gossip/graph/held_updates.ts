// channel_updates whose signature holds and whose channel the graph does not have (any more): pruned, or announced
// under other nodes. The newest of each direction waits here for the channel_announcement; the oldest is dropped first.
//
// Updates that could not be checked at all wait elsewhere, see `orphans.ts`.

export interface HeldUpdate {
  readonly raw: Uint8Array;
  readonly signer: string;
  readonly timestamp: number;
}

export interface HeldLimits {
  readonly count: number;
  readonly bytes: number;
}

/** A bounded cache by scid and direction. */
export class HeldUpdates {
  readonly #held = new Map<bigint, HeldUpdate>();
  #bytes = 0;
  #dropped = 0;

  constructor(private readonly limits: HeldLimits) {}

  get size(): number {
    return this.#held.size;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Holds an update, its bytes copied, unless one is held that is as new; false then. */
  put(scid: bigint, direction: 0 | 1, update: HeldUpdate): boolean {
    const key = keyOf(scid, direction);
    const known = this.#held.get(key);
    if (known) {
      if (known.timestamp >= update.timestamp) return false;
      this.#remove(key, known);
    }
    this.#held.set(key, { ...update, raw: update.raw.slice() });
    this.#bytes += update.raw.length;
    for (const [oldest, { raw }] of this.#held) {
      if (this.#held.size <= this.limits.count && this.#bytes <= this.limits.bytes) break;
      this.#held.delete(oldest);
      this.#bytes -= raw.length;
      this.#dropped++;
    }
    return true;
  }

  take(scid: bigint): HeldUpdate[] {
    const taken: HeldUpdate[] = [];
    for (const direction of [0, 1] as const) {
      const key = keyOf(scid, direction);
      const update = this.#held.get(key);
      if (!update) continue;
      this.#remove(key, update);
      taken.push(update);
    }
    return taken;
  }

  #remove(key: bigint, update: HeldUpdate): void {
    this.#held.delete(key);
    this.#bytes -= update.raw.length;
  }
}

function keyOf(scid: bigint, direction: 0 | 1): bigint {
  return scid << 1n | BigInt(direction);
}
