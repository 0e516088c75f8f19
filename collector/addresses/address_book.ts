import type { NodeAnnouncement } from "../../shared/bolt/node_announcement.ts";
import { type Random, shuffled } from "../../shared/random.ts";
import {
  announcedEndpoint,
  type Endpoint,
  formatEndpoint,
  type HostKind,
  isLocalName,
  type NodeAddress,
} from "./endpoint.ts";
import {
  addressOf,
  type AddressRecord,
  byPromise,
  MAX_REASON_CHARACTERS,
  type NodeRecord,
  NodeTable,
  type Source,
} from "./node_table.ts";
import { DroppedAddresses, HostGaps } from "./host_limits.ts";
import type { DialRules, RefusalCode } from "./dial_rules.ts";
import { DuePool } from "./due_pool.ts";
import { AddressFault } from "./fault.ts";

/** How a host is reached: straight, or through Tor. */
export const REACHES = ["clearnet", "tor"] as const;

export type Reach = typeof REACHES[number];

export interface AddressBookOptions {
  readonly rules: DialRules;
  readonly kinds: ReadonlySet<HostKind>;
  /** 0 to 1. Strict at 0 and 1; in between, the other reach stands in where one has no node to offer. */
  readonly torShare: number;
  readonly maxNodes?: number;
  readonly maxAddressesPerNode?: number;
  /** Between two dials to one host, unless the operator's file names the address. */
  readonly hostGapMs?: number;
}

/** Mainnet has some 20,000 nodes; the rest is room for those that come and go. */
export const MAX_NODES = 50_000;
/** Nodes announce two or three. */
export const MAX_ADDRESSES_PER_NODE = 8;
/** More nodes on one host are a hosting company, of which some will do, or an attack. */
export const MAX_ADDRESSES_PER_HOST = 64;
/** No back-off is longer; a clock that was wrong once must not shut a node out for years. */
const MAX_WAIT_US = 48 * 3_600_000_000;

export type LearnRefusal =
  | RefusalCode
  | "local_name" // a name of some local network, from a stranger
  | "dropped" // a short while ago
  | "crowded" // its host has too many already, and the operator's file does not name it
  | "invalid"; // not an address that can be dialled

/** How a node that was handed out fared. */
export interface ReleaseOutcome {
  /** What went wrong, in one printable line. */
  readonly reason: string;
  /** It was of use for a good while, which clears earlier failures. */
  readonly worked: boolean;
  readonly concerns: "address" | "node";
  /** ms, after that many failures in a row; Infinity: not again in this run. */
  readonly wait: (failures: number) => number;
  /** Another node answers there. */
  readonly drop?: boolean;
  /** It says nothing of the node: its failures stay as they were. */
  readonly blameless?: boolean;
}

export interface BookCounts {
  readonly nodes: number;
  readonly addresses: Readonly<Record<HostKind, number>>;
  readonly inUse: Readonly<Record<Reach, number>>;
  readonly refused: Readonly<Record<LearnRefusal, number>>;
  readonly nodesDropped: number;
  readonly addressesDropped: number;
}

/** All nodes that we know how to reach, and which to dial next. Instants are µs since the Unix epoch. */
export class AddressBook {
  readonly #table: NodeTable;
  readonly #pools: Record<Reach, DuePool<NodeRecord>> = {
    clearnet: new DuePool(),
    tor: new DuePool(),
  };
  readonly #inUse = new Map<string, Reach>();
  #only: ReadonlySet<string> | null = null;
  readonly #used: Record<Reach, number> = { clearnet: 0, tor: 0 };
  readonly #dropped = new DroppedAddresses();
  readonly #gaps: HostGaps;
  readonly #refused: Record<LearnRefusal, number> = {
    special: 0,
    denied: 0,
    not_allowed: 0,
    local_name: 0,
    dropped: 0,
    crowded: 0,
    invalid: 0,
  };

  constructor(private readonly options: AddressBookOptions, private readonly random: Random) {
    this.#gaps = new HostGaps(options.hostGapMs ?? 0);
    this.#table = new NodeTable({
      maxNodes: options.maxNodes ?? MAX_NODES,
      maxAddressesPerNode: options.maxAddressesPerNode ?? MAX_ADDRESSES_PER_NODE,
      isHeld: ({ nodeId }) => this.#inUse.has(nodeId),
      onRemoved: (node) => REACHES.forEach((reach) => this.#pools[reach].delete(node)),
    });
  }

  /** Looks at every address. */
  get counts(): BookCounts {
    return {
      nodes: this.#table.size,
      addresses: this.#table.addressesByKind(),
      inUse: { ...this.#used },
      refused: { ...this.#refused },
      nodesDropped: this.#table.nodesDropped,
      addressesDropped: this.#table.addressesDropped,
    };
  }

  /** For saving; the book may change between two steps. */
  records(): IterableIterator<NodeRecord> {
    return this.#table.nodes();
  }

  restore(records: Iterable<NodeRecord>, now: number): void {
    const latest = now + MAX_WAIT_US;
    for (const { nodeId, announcedAt, notBefore, addresses } of records) {
      const kept = addresses.filter((address) => this.#accepts(nodeId, address))
        .map((address) => ({ ...address, notBefore: Math.min(address.notBefore, latest) }));
      if (kept.length === 0) continue;
      const node = { nodeId, announcedAt, notBefore: Math.min(notBefore, latest), addresses: kept };
      this.#table.put(node);
      this.#file(node);
    }
  }

  /** @param nodeId 66 hex digits in lower case. @returns why it was not taken up, or null. */
  learn(nodeId: string, end: Endpoint, source: Source, now: number): LearnRefusal | null {
    // What the operator's own resolver makes of the operator's own names is held against the rules later.
    if (end.kind === "dns" && source !== "file" && isLocalName(end.host)) {
      return this.#refuse("local_name");
    }
    if (this.#dropped.has({ nodeId, end }, now)) return this.#refuse("dropped");
    const refusal = this.options.rules.refusal(nodeId, end);
    if (refusal) return this.#refuse(refusal.code);
    if (source !== "file" && this.#isCrowded(end) && !this.#knows(nodeId, end)) {
      return this.#refuse("crowded");
    }
    const [node, isNew] = this.#table.learn(nodeId, end, source, now);
    if (isNew) this.#file(node);
    return null;
  }

  /** Takes up a node's announcement and drops the addresses it no longer names. The caller checks the signature. */
  learnAnnouncement(
    announcement: Pick<NodeAnnouncement, "nodeId" | "timestamp" | "addresses">,
    now: number,
  ): void {
    const nodeId = announcement.nodeId.toHex();
    const { timestamp, addresses } = announcement;
    const known = this.#table.get(nodeId)?.announcedAt ?? null;
    if (known !== null && timestamp < known) return;
    const announced = new Set<string>();
    const most = this.options.maxAddressesPerNode ?? MAX_ADDRESSES_PER_NODE;
    for (const address of addresses.slice(0, most)) {
      try {
        const end = announcedEndpoint(address);
        announced.add(formatEndpoint(end));
        this.learn(nodeId, end, "gossip", now);
      } catch (error) {
        if (!(error instanceof AddressFault)) throw error;
        this.#refuse("invalid");
      }
    }
    const node = this.#table.get(nodeId);
    if (!node) return;
    node.announcedAt = timestamp;
    for (const address of node.addresses) {
      if (announced.has(formatEndpoint(address.end))) continue;
      address.sources = address.sources.filter((source) => source !== "gossip");
    }
    this.#keep(node, ({ sources }) => sources.length > 0);
  }

  /** Hands out a random node that is due, at its best address; not again until it is released. */
  take(now: number): NodeAddress | undefined {
    for (const reach of this.#preference()) {
      for (let node; (node = this.#pools[reach].choose(now, this.random));) {
        const address = this.#bestOf(node, reach, now);
        const waits = this.#waitsForHost(address, now);
        if (!waits) {
          this.#gaps.dialled(address.end, now);
          address.lastTried = now;
          this.#inUse.set(node.nodeId, reach);
          this.#used[reach]++;
        }
        this.#file(node);
        if (!waits) return { nodeId: node.nodeId, end: address.end };
      }
    }
    return undefined;
  }

  /** Hands out these nodes alone from now on, or all again (null). Call it when the kinds have changed, too. */
  limitTo(nodeIds: ReadonlySet<string> | null): void {
    this.#only = nodeIds;
    for (const node of this.#table.nodes()) this.#file(node);
  }

  /** Whether a node that was handed out would be again. */
  isWanted({ nodeId, end: { kind } }: NodeAddress): boolean {
    return this.#isNamed(nodeId) && this.options.kinds.has(kind);
  }

  #isNamed(nodeId: string): boolean {
    return this.#only === null || this.#only.has(nodeId);
  }

  worked({ nodeId, end }: NodeAddress, now: number): void {
    const node = this.#table.get(nodeId);
    const address = node && addressOf(node, end);
    if (!address) return;
    address.lastWorked = now;
    address.lastFailure = null;
  }

  /** @returns how many times in a row its address has failed; 1 when the address is no longer known. */
  release({ nodeId, end }: NodeAddress, outcome: ReleaseOutcome, now: number): number {
    const reach = this.#inUse.get(nodeId);
    if (!reach) throw new Error(`Node ${nodeId} was not handed out`);
    this.#inUse.delete(nodeId);
    this.#used[reach]--;
    if (outcome.drop) this.#dropped.add({ nodeId, end }, now);
    const node = this.#table.get(nodeId);
    if (!node) return 1;
    const address = addressOf(node, end);
    const failures = failuresAfter(address, outcome);
    const notBefore = now + outcome.wait(failures) * 1000;
    if (address) {
      address.failures = failures;
      address.lastFailure = outcome.reason.slice(0, MAX_REASON_CHARACTERS);
    }
    if (outcome.concerns === "node") node.notBefore = notBefore;
    else if (address) address.notBefore = notBefore;
    if (outcome.drop) this.#keep(node, (kept) => kept !== address);
    else this.#file(node);
    return failures;
  }

  /** When the next node may be dialled; Infinity when none ever may, as things are. */
  soonest(): number {
    return Math.min(...this.#preference().map((reach) => this.#pools[reach].soonest()));
  }

  #preference(): readonly Reach[] {
    const { torShare } = this.options;
    if (torShare <= 0) return ["clearnet"];
    if (torShare >= 1) return ["tor"];
    const { clearnet, tor } = this.#used;
    return tor < torShare * (clearnet + tor + 1) ? ["tor", "clearnet"] : ["clearnet", "tor"];
  }

  #bestOf(node: NodeRecord, reach: Reach, now: number): AddressRecord {
    const due = node.addresses.filter((address) =>
      address.notBefore <= now && this.#reachOf(address) === reach
    );
    return shuffled(due, this.random).reduce((a, b) => byPromise(a, b) <= 0 ? a : b);
  }

  #reachOf({ end: { kind } }: AddressRecord): Reach | null {
    if (!this.options.kinds.has(kind)) return null;
    return kind === "onion" ? "tor" : "clearnet";
  }

  #file(node: NodeRecord): void {
    for (const reach of REACHES) {
      let due = Infinity;
      for (const address of node.addresses) {
        if (this.#reachOf(address) === reach) due = Math.min(due, address.notBefore);
      }
      const isFree = !this.#inUse.has(node.nodeId) && this.#isNamed(node.nodeId);
      this.#pools[reach].set(node, isFree ? Math.max(due, node.notBefore) : Infinity);
    }
  }

  #keep(node: NodeRecord, passes: (address: AddressRecord) => boolean): void {
    this.#table.keep(node, passes);
    if (node.addresses.length > 0) this.#file(node);
  }

  #accepts(nodeId: string, { end, sources }: AddressRecord): boolean {
    const refusal = this.options.rules.refusal(nodeId, end);
    if (refusal) this.#refuse(refusal.code);
    else if (this.#isCrowded(end) && !sources.includes("file")) this.#refuse("crowded");
    else return true;
    return false;
  }

  #isCrowded(end: Endpoint): boolean {
    return this.#table.onHostOf(end) >= MAX_ADDRESSES_PER_HOST;
  }

  #knows(nodeId: string, end: Endpoint): boolean {
    const node = this.#table.get(nodeId);
    return node !== undefined && addressOf(node, end) !== undefined;
  }

  /** If its host was dialled too recently, the address becomes due when that is over. */
  #waitsForHost(address: AddressRecord, now: number): boolean {
    const notBefore = this.#gaps.notBefore(address.end);
    if (notBefore <= now || address.sources.includes("file")) return false;
    address.notBefore = notBefore;
    return true;
  }

  #refuse(reason: LearnRefusal): LearnRefusal {
    this.#refused[reason]++;
    return reason;
  }
}

function failuresAfter(address: AddressRecord | undefined, outcome: ReleaseOutcome): number {
  if (outcome.blameless) return address?.failures ?? 0;
  return address && !outcome.worked ? address.failures + 1 : 1;
}
