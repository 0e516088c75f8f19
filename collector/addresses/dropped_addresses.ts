/**
 * Addresses that were dropped because another node answers there, so that the next announcement does not bring them
 * right back.
 *
 * @module
 */
import { formatNodeAddress, type NodeAddress } from "./node_address.ts";

/** For so long an address stays dropped. */
const DROPPED_MICROSECONDS = 24 * 3_600_000_000;
/** How many addresses are remembered; the oldest are forgotten first. */
const MAX_DROPPED = 10_000;

/** The addresses; see the module. All instants are µs since the Unix epoch. */
export class DroppedAddresses {
  /** By name, oldest first. */
  readonly #droppedAt = new Map<string, number>();

  /** Remembers an address. */
  add(address: NodeAddress, now: number): void {
    const name = formatNodeAddress(address);
    this.#droppedAt.delete(name);
    this.#droppedAt.set(name, now);
    if (this.#droppedAt.size <= MAX_DROPPED) return;
    const [oldest] = this.#droppedAt.keys();
    this.#droppedAt.delete(oldest);
  }

  /** Whether an address was dropped less than a day ago. */
  has(address: NodeAddress, now: number): boolean {
    if (this.#droppedAt.size === 0) return false;
    const droppedAt = this.#droppedAt.get(formatNodeAddress(address));
    return droppedAt !== undefined && now - droppedAt < DROPPED_MICROSECONDS;
  }
}
