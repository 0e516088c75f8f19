import { type Endpoint, HOST_KINDS, type HostKind } from "./endpoint.ts";
import { zeros } from "../zeros.ts";
import { HostCounts } from "./host_limits.ts";

/** The operator's file, a DNS seed, or the node's own node_announcement. */
export const SOURCES = ["file", "dns_seed", "gossip"] as const;

export type Source = typeof SOURCES[number];

/** Of a reason, kept for each address. */
export const MAX_REASON_CHARACTERS = 200;

/** One address of a node. Instants are µs since the Unix epoch. */
export interface AddressRecord {
  readonly end: Endpoint;
  sources: readonly Source[];
  readonly firstSeen: number;
  lastTried: number | null;
  lastWorked: number | null;
  failures: number;
  /** Why it could not be kept, in one printable line; null when it could, or was not dialled yet. */
  lastFailure: string | null;
  /** Infinity: not again in this run. */
  notBefore: number;
}

export interface NodeRecord {
  /** 33 bytes, lower-case hex. */
  readonly nodeId: string;
  /** Timestamp of its newest node_announcement, seconds; null without one. */
  announcedAt: number | null;
  /** At all its addresses; µs since the Unix epoch. */
  notBefore: number;
  addresses: readonly AddressRecord[];
}

/** Compares which to drop first: never worked before worked, older (first seen, or last worked) before newer. */
export function byWorth(a: AddressRecord, b: AddressRecord): number {
  return Number(a.lastWorked !== null) - Number(b.lastWorked !== null) ||
    (a.lastWorked ?? a.firstSeen) - (b.lastWorked ?? b.firstSeen);
}

/** Compares which to dial first: fewest failures, then the one that worked last. Having worked makes up for one. */
export function byPromise(a: AddressRecord, b: AddressRecord): number {
  const misses = ({ failures, lastWorked }: AddressRecord) =>
    lastWorked === null ? failures : failures - 1;
  return misses(a) - misses(b) || (b.lastWorked ?? 0) - (a.lastWorked ?? 0);
}

/** The address worth most, of one at least. */
export function mostWorth(addresses: readonly AddressRecord[]): AddressRecord {
  return addresses.reduce((best, address) => byWorth(best, address) < 0 ? address : best);
}

export interface NodeTableOptions {
  readonly maxNodes: number;
  readonly maxAddressesPerNode: number;
  /** Not dropped now, whatever they are worth. */
  readonly isHeld: (node: NodeRecord) => boolean;
  readonly onRemoved: (node: NodeRecord) => void;
}

/** Share dropped at once from a full table, since choosing sorts all of it. */
const DROPPED_SHARE = 1 / 16;

/** The bounded table. What never worked goes first, the oldest of it before the rest. */
export class NodeTable {
  nodesDropped = 0;
  addressesDropped = 0;
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #hosts = new HostCounts();

  constructor(private readonly options: NodeTableOptions) {}

  get size(): number {
    return this.#nodes.size;
  }

  /** The table may change between two steps. */
  nodes(): IterableIterator<NodeRecord> {
    return this.#nodes.values();
  }

  get(nodeId: string): NodeRecord | undefined {
    return this.#nodes.get(nodeId);
  }

  onHostOf(end: Endpoint): number {
    return this.#hosts.of(end);
  }

  addressesByKind(): Record<HostKind, number> {
    const counts = zeros(HOST_KINDS);
    for (const { addresses } of this.nodes()) for (const { end } of addresses) counts[end.kind]++;
    return counts;
  }

  /** Of too many addresses those worth least go. */
  put(record: NodeRecord): void {
    const former = this.#nodes.get(record.nodeId);
    if (former) this.#remove(former);
    else this.#makeRoom();
    this.#nodes.set(record.nodeId, record);
    for (const { end } of record.addresses) this.#hosts.change(end, 1);
    const over = record.addresses.length - this.options.maxAddressesPerNode;
    if (over <= 0) return;
    this.#set(record, record.addresses.toSorted(byWorth).slice(over));
    this.addressesDropped += over;
  }

  /** @returns the node, and whether the address is new. */
  learn(nodeId: string, end: Endpoint, source: Source, now: number): [NodeRecord, boolean] {
    let node = this.#nodes.get(nodeId);
    if (!node) {
      node = { nodeId, announcedAt: null, notBefore: 0, addresses: [] };
      this.put(node);
    }
    const known = addressOf(node, end);
    if (known) {
      if (!known.sources.includes(source)) known.sources = [...known.sources, source];
      return [node, false];
    }
    if (node.addresses.length >= this.options.maxAddressesPerNode) this.#dropLeast(node);
    const address: AddressRecord = {
      end,
      sources: [source],
      firstSeen: now,
      lastTried: null,
      lastWorked: null,
      failures: 0,
      lastFailure: null,
      notBefore: 0,
    };
    this.#set(node, [...node.addresses, address]);
    return [node, true];
  }

  /** A node without any is removed. */
  keep(node: NodeRecord, passes: (address: AddressRecord) => boolean): void {
    this.#set(node, node.addresses.filter(passes));
    if (node.addresses.length === 0) this.#remove(node);
  }

  #dropLeast(node: NodeRecord): void {
    const least = node.addresses.reduce((a, b) => byWorth(a, b) <= 0 ? a : b);
    this.#set(node, node.addresses.filter((address) => address !== least));
    this.addressesDropped++;
  }

  #set(node: NodeRecord, addresses: readonly AddressRecord[]): void {
    for (const { end } of node.addresses) this.#hosts.change(end, -1);
    for (const { end } of addresses) this.#hosts.change(end, 1);
    node.addresses = addresses;
  }

  #makeRoom(): void {
    const { maxNodes, isHeld } = this.options;
    if (this.#nodes.size < maxNodes) return;
    const free = [...this.#nodes.values()].filter((node) => !isHeld(node))
      .map((node) => ({ node, best: mostWorth(node.addresses) }))
      .sort((a, b) => byWorth(a.best, b.best));
    const dropped = free.slice(0, Math.max(1, Math.floor(maxNodes * DROPPED_SHARE)));
    for (const { node } of dropped) this.#remove(node);
    this.nodesDropped += dropped.length;
  }

  #remove(node: NodeRecord): void {
    this.#nodes.delete(node.nodeId);
    for (const { end } of node.addresses) this.#hosts.change(end, -1);
    this.options.onRemoved(node);
  }
}

/** The record of an endpoint. */
export function addressOf(node: NodeRecord, { host, port }: Endpoint): AddressRecord | undefined {
  return node.addresses.find(({ end }) => end.host === host && end.port === port);
}
