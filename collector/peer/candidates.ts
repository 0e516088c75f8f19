/**
 * Which peer to dial next.
 *
 * @module
 */
import { type Random, shuffled } from "../../shared/random.ts";
import { backoffMilliseconds, type Cause } from "./backoff.ts";
import { type PeerAddress, peerName } from "./peer_file.ts";

/** One address and how it fared. */
interface Candidate {
  readonly peer: PeerAddress;
  /** Times in a row that it could not be kept. */
  failures: number;
  /** Not before this instant, µs since the Unix epoch. */
  due: number;
}

/** How long a peer is left alone, in ms; see {@link backoffMilliseconds}. */
export type Backoff = typeof backoffMilliseconds;

/** Peers in random order, each left alone for a while after it failed, one address of a node at a time. */
export class Candidates {
  /** Those not in use, next one first. */
  #idle: Candidate[];
  /** Those in use, by name. */
  readonly #taken = new Map<string, Candidate>();
  readonly #nodes = new Set<string>();

  /** Shuffles the peers. */
  constructor(
    peers: readonly PeerAddress[],
    private readonly random: Random,
    private readonly backoff: Backoff = backoffMilliseconds,
  ) {
    this.#idle = shuffled(peers, random).map((peer) => ({ peer, failures: 0, due: -Infinity }));
  }

  /** Takes the next peer that may be dialled at the instant `now`, if there is one. */
  take(now: number): PeerAddress | undefined {
    const at = this.#idle.findIndex(({ peer, due }) => due <= now && !this.#nodes.has(peer.nodeId));
    if (at < 0) return undefined;
    const [candidate] = this.#idle.splice(at, 1);
    const { peer } = candidate;
    this.#taken.set(peerName(peer), candidate);
    this.#nodes.add(peer.nodeId);
    return peer;
  }

  /**
   * Gives a taken peer back.
   *
   * @param worked whether it was of use for a good while, which clears its record.
   * @returns how many times in a row it has failed now.
   */
  release(peer: PeerAddress, cause: Cause, worked: boolean, now: number): number {
    const name = peerName(peer);
    const candidate = this.#taken.get(name);
    if (!candidate) throw new Error(`Peer ${name} was not taken`);
    this.#taken.delete(name);
    this.#nodes.delete(peer.nodeId);
    candidate.failures = worked ? 1 : candidate.failures + 1;
    candidate.due = now + this.backoff(cause, candidate.failures, this.random) * 1000;
    // Behind all others; one that is never due again is forgotten.
    if (candidate.due < Infinity) this.#idle.push(candidate);
    return candidate.failures;
  }

  /** When the next peer is due, µs since the Unix epoch; Infinity when none ever is. */
  soonest(): number {
    let soonest = Infinity;
    for (const { peer, due } of this.#idle) {
      if (due < soonest && !this.#nodes.has(peer.nodeId)) soonest = due;
    }
    return soonest;
  }
}
