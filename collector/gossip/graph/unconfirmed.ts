// Channels that one peer alone has brought so far. A liar can sign any number of channels that were never funded,
// so when places are short these are the ones to go, of the peer that has most of them.

export interface SourcePeer {
  readonly nodeId: string;
  /** It is asked for channels until then, µs since the Unix epoch. */
  readonly askedUntil: number;
}

/** Unconfirmed channels by slot and by peer. */
export class Unconfirmed {
  readonly #sourcePeers = new Map<number, string>();
  readonly #slots = new Map<string, Set<number>>();

  get size(): number {
    return this.#sourcePeers.size;
  }

  count(nodeId: string): number {
    return this.#slots.get(nodeId)?.size ?? 0;
  }

  sourcePeer(slot: number): string | undefined {
    return this.#sourcePeers.get(slot);
  }

  add(slot: number, nodeId: string): void {
    this.#sourcePeers.set(slot, nodeId);
    const slots = this.#slots.get(nodeId);
    if (slots) slots.add(slot);
    else this.#slots.set(nodeId, new Set([slot]));
  }

  delete(slot: number): void {
    const nodeId = this.#sourcePeers.get(slot);
    if (nodeId === undefined) return;
    this.#sourcePeers.delete(slot);
    const slots = this.#slots.get(nodeId)!;
    slots.delete(slot);
    if (slots.size === 0) this.#slots.delete(nodeId);
  }

  heaviest(): { readonly count: number; readonly slot: number } | null {
    let most: Set<number> | undefined;
    for (const slots of this.#slots.values()) {
      if (slots.size > (most?.size ?? 0)) most = slots;
    }
    return most ? { count: most.size, slot: most.values().next().value! } : null;
  }
}
