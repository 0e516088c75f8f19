/**
 * What an address book holds, and which of it matters least.
 *
 * @module
 */
import type { Endpoint } from "./endpoint.ts";

/** Where addresses come from: a file of the operator's, a DNS seed, or the node's own node_announcement. */
export const SOURCES = ["file", "dns_seed", "gossip"] as const;

/** One of {@link SOURCES}. */
export type Source = typeof SOURCES[number];

/** One address of a node. All instants are µs since the Unix epoch. */
export interface AddressRecord {
  /** Where it is. */
  readonly end: Endpoint;
  /** Who told of it. */
  sources: readonly Source[];
  /** When it was first told of. */
  readonly firstSeen: number;
  /** When it was last dialled; null before the first time. */
  lastTried: number | null;
  /** When a session with it last began; null before the first time. */
  lastWorked: number | null;
  /** Times in a row that it could not be kept. */
  failures: number;
  /** It is left alone until then; Infinity for as long as the process runs. */
  notBefore: number;
}

/** One node. */
export interface NodeRecord {
  /** Its public key: 33 bytes, lower-case hex. */
  readonly nodeId: string;
  /** The timestamp of its newest node_announcement, in seconds since the Unix epoch; null without one. */
  announcedAt: number | null;
  /** It is left alone until then, at all its addresses; µs since the Unix epoch. */
  notBefore: number;
  /** Where it listens, by its own account or somebody else's. */
  addresses: readonly AddressRecord[];
}

/**
 * Compares what is to be dropped first: what never worked before what did, older before newer. "Older" is when it was
 * first seen, or when it last worked.
 */
export function byWorth(a: AddressRecord, b: AddressRecord): number {
  return Number(a.lastWorked !== null) - Number(b.lastWorked !== null) ||
    (a.lastWorked ?? a.firstSeen) - (b.lastWorked ?? b.firstSeen);
}

/** Compares what is to be dialled first: the fewest failures, then the one that worked last. What worked counts for one. */
export function byPromise(a: AddressRecord, b: AddressRecord): number {
  const misses = ({ failures, lastWorked }: AddressRecord) =>
    lastWorked === null ? failures : failures - 1;
  return misses(a) - misses(b) || (b.lastWorked ?? 0) - (a.lastWorked ?? 0);
}

/** The address of a node that is worth most. @param addresses one at least. */
export function mostWorth(addresses: readonly AddressRecord[]): AddressRecord {
  return addresses.reduce((best, address) => byWorth(best, address) < 0 ? address : best);
}
