/**
 * Nodes and their addresses, bounded both policy, and which of them matters least.
 *
 * @module
 */
import { type Endpoint, HOST_KINDS, type HostKind } from "./endpoint.ts";
import { HostCounts } from "./host_limits.ts";

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

/** The bounds of a table, and who is told when they are reached. */
export interface NodeTableOptions {
  /** Nodes kept. */
  readonly maxNodes: number;
  /** Addresses of one node kept. */
  readonly maxAddressesPerNode: number;
  /** Nodes that are not dropped now, whatever they are worth; always fewer than {@link NodeTableOptions.maxNodes}. */
  readonly isHeld: (node: NodeRecord) => boolean;
  /** A node is no longer in the table. */
  readonly onRemoved: (node: NodeRecord) => void;
}

/** When the table is full so many nodes are dropped at once, as a share: finding them means sorting all. */
const DROPPED_SHARE = 1 / 16;

/** The table; see the module. What never worked is dropped first, the oldest of it before the rest. */
export class NodeTable {
  /** Nodes dropped so far because the table was full. */
  nodesDropped = 0;
  /** Addresses dropped so far because their node had too many. */
  addressesDropped = 0;
  readonly #options: NodeTableOptions;
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #hosts = new HostCounts();

  /** Begins empty. */
  constructor(options: NodeTableOptions) {
    this.#options = options;
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#nodes.size;
  }

  /** All nodes. The table may change between two steps. */
  nodes(): IterableIterator<NodeRecord> {
    return this.#nodes.values();
  }

  /** A node by its id. */
  get(nodeId: string): NodeRecord | undefined {
    return this.#nodes.get(nodeId);
  }

  /** How many addresses there are on the host of this one. */
  onHostOf(end: Endpoint): number {
    return this.#hosts.of(end);
  }

  /** Counts the addresses of each kind. */
  addressesByKind(): Record<HostKind, number> {
    const counts = Object.fromEntries(HOST_KINDS.map((kind) => [kind, 0]));
    for (const { addresses } of this.nodes()) for (const { end } of addresses) counts[end.kind]++;
    return counts as Record<HostKind, number>;
  }

  /** Puts a whole node in, in place of what was known of it; of too many addresses those worth least go. */
  put(record: NodeRecord): void {
    const former = this.#nodes.get(record.nodeId);
    if (former) this.#remove(former);
    else this.#makeRoom();
    this.#nodes.set(record.nodeId, record);
    for (const { end } of record.addresses) this.#hosts.change(end, 1);
    const over = record.addresses.length - this.#options.maxAddressesPerNode;
    if (over <= 0) return;
    this.#set(record, record.addresses.toSorted(byWorth).slice(over));
    this.addressesDropped += over;
  }

  /**
   * Adds an address, or a source to one that is known.
   *
   * @returns the node, whether the address is new.
   */
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
    if (node.addresses.length >= this.#options.maxAddressesPerNode) this.#dropLeast(node);
    const address: AddressRecord = {
      end,
      sources: [source],
      firstSeen: now,
      lastTried: null,
      lastWorked: null,
      failures: 0,
      notBefore: 0,
    };
    this.#set(node, [...node.addresses, address]);
    return [node, true];
  }

  /** Keeps only those addresses of a node that pass; a node without any is removed. */
  keep(node: NodeRecord, passes: (address: AddressRecord) => boolean): void {
    this.#set(node, node.addresses.filter(passes));
    if (node.addresses.length === 0) this.#remove(node);
  }

  #dropLeast(node: NodeRecord): void {
    const least = node.addresses.reduce((a, b) => byWorth(a, b) <= 0 ? a : b);
    this.#set(node, node.addresses.filter((address) => address !== least));
    this.addressesDropped++;
  }

  /** Changes the addresses of a node that is in the table. */
  #set(node: NodeRecord, addresses: readonly AddressRecord[]): void {
    for (const { end } of node.addresses) this.#hosts.change(end, -1);
    for (const { end } of addresses) this.#hosts.change(end, 1);
    node.addresses = addresses;
  }

  #makeRoom(): void {
    const { maxNodes, isHeld } = this.#options;
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
    this.#options.onRemoved(node);
  }
}

/** The record of an endpoint among those of a node. */
export function addressOf(node: NodeRecord, { host, port }: Endpoint): AddressRecord | undefined {
  return node.addresses.find(({ end }) => end.host === host && end.port === port);
}
