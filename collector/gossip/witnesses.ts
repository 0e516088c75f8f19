/**
 * Who brings a channel_announcement besides the peer that was first: a channel that two peers know of is no invention
 * of one of them.
 *
 * @module
 */
import type { SourcePeer } from "./graph/unconfirmed.ts";

/** A message on its way through the verifier. */
export interface Brought {
  /** Who was first with it. */
  readonly sourcePeer: SourcePeer;
  /** Whether its signatures are known to hold. */
  isValid: boolean;
  /** Whether another peer has brought it too. */
  isSeconded: boolean;
}

/** All announcements of mainnet's channels twice over. */
const MAX_WAITING = 131_072;

/** Announcements that wait for a second peer, by message number; when there are too many, the oldest make room. */
export class Witnesses {
  readonly #waiting = new Map<number, Brought>();

  /** Starts empty. @param limit how many may wait. */
  constructor(private readonly limit: number = MAX_WAITING) {}

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** A message's first receipt. */
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

  /** A message that nobody's word makes good. */
  forget(number: number): void {
    this.#waiting.delete(number);
  }
}
