// Limits by host and by address: one machine can announce any number of nodes on itself.

import { type Endpoint, formatNodeAddress, type NodeAddress } from "./endpoint.ts";
import { formatIp, parseIp } from "./ip.ts";

/** Bytes of an IPv6 address that name a network; within it a host takes any address (RFC 4291, section 2.5.4). */
const IPV6_NETWORK_BYTES = 8;

/** What counts as one host: an IPv4 address, a /64 of IPv6, or a name. */
export function hostOf({ kind, host }: Pick<Endpoint, "kind" | "host">): string {
  if (kind !== "ipv6") return host;
  return `${formatIp(parseIp(host)!.fill(0, IPV6_NETWORK_BYTES))}/64`;
}

/** Counts addresses by host. */
export class HostCounts {
  readonly #counts = new Map<string, number>();

  of(end: Endpoint): number {
    return this.#counts.get(hostOf(end)) ?? 0;
  }

  change(end: Endpoint, by: 1 | -1): void {
    const host = hostOf(end);
    const count = (this.#counts.get(host) ?? 0) + by;
    if (count > 0) this.#counts.set(host, count);
    else this.#counts.delete(host);
  }
}

/** When hosts were last dialled, as long as that matters. */
export class HostGaps {
  readonly #gap: number;
  /** Oldest first. */
  readonly #dialled = new Map<string, number>();

  /** From one dial of a host to the next. */
  constructor(milliseconds: number) {
    this.#gap = milliseconds * 1000;
  }

  /** µs; 0 when it may be dialled at once. */
  notBefore(end: Endpoint): number {
    const last = this.#dialled.get(hostOf(end));
    return last === undefined ? 0 : last + this.#gap;
  }

  dialled(end: Endpoint, now: number): void {
    const host = hostOf(end);
    this.#dialled.delete(host);
    this.#dialled.set(host, now);
    for (const [other, last] of this.#dialled) {
      if (last + this.#gap > now) break;
      this.#dialled.delete(other);
    }
  }
}

/** The next announcement would bring it right back. */
const DROPPED_US = 24 * 3_600_000_000;
/** The oldest are forgotten first. */
const MAX_DROPPED = 10_000;

/** Addresses at which another node answered. Instants are µs since the Unix epoch. */
export class DroppedAddresses {
  /** Oldest first. */
  readonly #droppedAt = new Map<string, number>();

  add(address: NodeAddress, now: number): void {
    const name = formatNodeAddress(address);
    this.#droppedAt.delete(name);
    this.#droppedAt.set(name, now);
    if (this.#droppedAt.size <= MAX_DROPPED) return;
    const [oldest] = this.#droppedAt.keys();
    this.#droppedAt.delete(oldest);
  }

  has(address: NodeAddress, now: number): boolean {
    if (this.#droppedAt.size === 0) return false;
    const droppedAt = this.#droppedAt.get(formatNodeAddress(address));
    return droppedAt !== undefined && now - droppedAt < DROPPED_US;
  }
}
