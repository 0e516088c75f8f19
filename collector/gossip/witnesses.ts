// Who brings a channel_announcement besides the peer that was first: a channel that two peers know is not
// the invention of one of them.

import type { SourcePeer } from "./graph/unconfirmed.ts";

/** A message on its way through the verifier. */
export interface Brought {
  readonly sourcePeer: SourcePeer;
  isValid: boolean;
  isSeconded: boolean;
}

/** All announcements of mainnet's channels twice over. */
const MAX_WAITING = 131_072;

/** Announcements that wait for a second peer, by message number; beyond the limit the oldest go. */
export class Witnesses {
  readonly #waiting = new Map<number, Brought>();

  constructor(private readonly limit: number = MAX_WAITING) {}

  get size(): number {
    return this.#waiting.size;
  }

  first(number: number, brought: Brought): void {
    if (this.#waiting.size >= this.limit) {
      this.#waiting.delete(this.#waiting.keys().next().value!);
    }
    this.#waiting.set(number, brought);
  }

  /** Any receipt of a message; true when it is valid and its second peer brings it. */
  again(number: number, nodeId: string | undefined): boolean {
    const brought = this.#waiting.get(number);
    if (brought === undefined || nodeId === undefined) return false;
    if (brought.sourcePeer.nodeId === nodeId) return false;
    this.#waiting.delete(number);
    brought.isSeconded = true;
    return brought.isValid;
  }

  forget(number: number): void {
    this.#waiting.delete(number);
  }
}
