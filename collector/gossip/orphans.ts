// channel_updates that came before their channel_announcement, which is normal: each peer sends in its own order.

import type { Brought } from "./witnesses.ts";

/** A message that waits, and where it came from. */
export interface Orphan {
  readonly source: number;
  readonly number: number;
  readonly raw: Uint8Array;
  readonly brought?: Brought;
}

export interface OrphanLimits {
  /** In all: the updates of a third of mainnet's channels, about 20 MB. */
  readonly total: number;
  /** From one source, so that a flood of made-up updates displaces few of others. */
  readonly perSource: number;
  /** For one scid: a few versions may come before its announcement comes. */
  readonly perScid: number;
}

const LIMITS: OrphanLimits = { total: 65_536, perSource: 16_384, perScid: 32 };

/** A bounded cache by scid; when it is full the oldest goes. */
export class Orphans {
  #held = new Map<number, Orphan & { scid: bigint }>();
  #byScid = new Map<bigint, number[]>();
  #bySource = new Map<number, number>();

  constructor(private readonly limits: OrphanLimits = LIMITS) {}

  get size(): number {
    return this.#held.size;
  }

  /** Holds an orphan; what found no place is returned: this one or an older one. */
  add(scid: bigint, orphan: Orphan): Orphan | undefined {
    const siblings = this.#byScid.get(scid)?.length ?? 0;
    const fellows = this.#bySource.get(orphan.source) ?? 0;
    if (siblings >= this.limits.perScid || fellows >= this.limits.perSource) return orphan;
    const [evicted] = this.#held.size >= this.limits.total ? this.#held.values() : [];
    if (evicted) this.#remove(evicted);
    this.#held.set(orphan.number, { ...orphan, scid });
    const numbers = this.#byScid.get(scid);
    if (numbers) numbers.push(orphan.number);
    else this.#byScid.set(scid, [orphan.number]);
    this.#bySource.set(orphan.source, (this.#bySource.get(orphan.source) ?? 0) + 1);
    return evicted;
  }

  take(scid: bigint): Orphan[] {
    const taken = (this.#byScid.get(scid) ?? []).map((number) => this.#held.get(number)!);
    for (const orphan of taken) this.#remove(orphan);
    return taken;
  }

  takeAll(): Orphan[] {
    const taken = [...this.#held.values()];
    this.#held.clear();
    this.#byScid.clear();
    this.#bySource.clear();
    return taken;
  }

  #remove({ number, scid, source }: Orphan & { scid: bigint }): void {
    this.#held.delete(number);
    const numbers = this.#byScid.get(scid)!.filter((other) => other !== number);
    if (numbers.length > 0) this.#byScid.set(scid, numbers);
    else this.#byScid.delete(scid);
    const fellows = this.#bySource.get(source)! - 1;
    if (fellows > 0) this.#bySource.set(source, fellows);
    else this.#bySource.delete(source);
  }
}
