// Splits peers among collectors: each is watched by k of them, loads stay level, and what is watched already stays where
// it is as far as that goes.

import { UserError } from "../../shared/errors.ts";

/** Collectors may take this much more or less than a level share where groups are kept together. */
const KEPT_SLACK = 0.1;

export interface PlannedPeer {
  readonly nodeId: string;
  /** Peers of one such group go to the same collectors. */
  readonly kept?: string;
  /** Peers of one such group go to all collectors alike. */
  readonly spread?: string;
}

export interface PlanOptions {
  readonly collectors: readonly string[];
  readonly watchers: number;
  /** Peers per collector, at most. */
  readonly capacity: number;
  /** Nodes that each collector watches now. */
  readonly current: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Plan {
  /** Nodes by collector. */
  readonly assigned: ReadonlyMap<string, ReadonlySet<string>>;
  /** Sessions to open and to end, by collector. */
  readonly moves: ReadonlyMap<string, { readonly opened: number; readonly ended: number }>;
  /** Peers that collectors watch beyond their share of a group that should be spread. */
  readonly notSpread: number;
}

/** Plans. @throws {UserError} when the collectors cannot hold that many. */
export function planPeers(peers: readonly PlannedPeer[], options: PlanOptions): Plan {
  const { collectors, current } = options;
  const planner = new Planner(peers, options);
  planner.trim();
  planner.fill();
  planner.level();
  const assigned = new Map(collectors.map((name, at) => [name, planner.peersOf(at)]));
  const moves = new Map(collectors.map((name) => {
    const [before, after] = [current.get(name) ?? new Set(), assigned.get(name)!];
    return [name, { opened: after.difference(before).size, ended: before.difference(after).size }];
  }));
  return { assigned, moves, notSpread: planner.notSpread };
}

/** Groups of one kind, and how many peers of each every collector watches. Peers and collectors are numbers here. */
class Groups {
  readonly of: readonly (number | null)[];
  readonly sizes: number[] = [];
  readonly counts: readonly number[][];

  constructor(names: readonly (string | undefined)[], collectors: number) {
    const numbers = new Map<string, number>();
    this.of = names.map((name) => {
      if (name === undefined) return null;
      const group = numbers.getOrInsert(name, numbers.size);
      this.sizes[group] = (this.sizes[group] ?? 0) + 1;
      return group;
    });
    this.counts = Array.from({ length: collectors }, () => this.sizes.map(() => 0));
  }

  size(peer: number): number {
    const group = this.of[peer];
    return group === null ? 0 : this.sizes[group];
  }

  count(collector: number, peer: number): number {
    const group = this.of[peer];
    return group === null ? 0 : this.counts[collector][group];
  }

  add(collector: number, peer: number, more: number): void {
    const group = this.of[peer];
    if (group !== null) this.counts[collector][group] += more;
  }
}

class Planner {
  readonly #watchers: number;
  /** Peers of one collector. */
  readonly #least: number;
  readonly #most: number;
  readonly #kept: Groups;
  readonly #spread: Groups;
  /** By collector and peer: 1 if it watches it, now and before. */
  readonly #holds: readonly Uint8Array[];
  readonly #before: readonly Uint8Array[];
  readonly #loads: number[];
  readonly #watched: number[];
  /** Numbers by chance, but always the same: without them the same collectors would always go together. */
  readonly #collectorHashes: readonly number[];
  readonly #peerHashes: readonly number[];

  constructor(private readonly peers: readonly PlannedPeer[], options: PlanOptions) {
    const { collectors, watchers, capacity, current } = options;
    this.#watchers = Math.min(watchers, collectors.length);
    const places = peers.length * this.#watchers;
    if (places > capacity * collectors.length) {
      throw new UserError(
        `${peers.length} peers with ${this.#watchers} watchers each need ${places} places, and ${collectors.length} ` +
          `collectors have ${capacity} each: add collectors, or lower --watchers`,
      );
    }
    const level = places / collectors.length;
    const slack = peers.some(({ kept }) => kept !== undefined) ? KEPT_SLACK * level : 0;
    this.#least = Math.floor(level - slack);
    this.#most = Math.min(capacity, Math.ceil(level + slack));
    this.#kept = new Groups(peers.map(({ kept }) => kept), collectors.length);
    this.#spread = new Groups(peers.map(({ spread }) => spread), collectors.length);
    this.#collectorHashes = collectors.map(hashOf);
    this.#peerHashes = peers.map(({ nodeId }) => hashOf(nodeId));
    this.#loads = collectors.map(() => 0);
    this.#watched = peers.map(() => 0);
    this.#holds = collectors.map(() => new Uint8Array(peers.length));
    this.#before = collectors.map((name) => {
      const own = current.get(name);
      return Uint8Array.from(peers, ({ nodeId }) => own?.has(nodeId) ? 1 : 0);
    });
    for (const [collector, held] of this.#before.entries()) {
      for (const [peer, holds] of held.entries()) if (holds) this.#add(collector, peer);
    }
  }

  /** Drops what is beyond the limits: small pieces of groups first. */
  trim(): void {
    for (const peer of this.peers.keys()) {
      while (this.#watched[peer] > this.#watchers) {
        const holders = this.#loads.keys().filter((one) => this.#holds[one][peer]);
        this.#drop([...holders].reduce((a, b) => this.#loads[b] > this.#loads[a] ? b : a), peer);
      }
    }
    for (const collector of this.#loads.keys()) {
      const own = this.#numbersOf(collector).sort((a, b) =>
        this.#kept.count(collector, a) - this.#kept.count(collector, b) ||
        this.#spread.count(collector, b) - this.#spread.count(collector, a) ||
        this.#mix(collector, a) - this.#mix(collector, b)
      );
      for (const peer of own) if (this.#excess(collector, peer) > 0) this.#drop(collector, peer);
      // A peer that lost a watcher already would need two new ones.
      for (const isLast of [false, true]) {
        for (const peer of own) {
          if (this.#loads[collector] <= this.#most) break;
          const isWhole = this.#watched[peer] === this.#watchers;
          if (this.#holds[collector][peer] && (isWhole || isLast)) this.#drop(collector, peer);
        }
      }
    }
  }

  /** Gives each peer the watchers that it lacks, large groups first. */
  fill(): void {
    const order = [...this.peers.keys()].sort((a, b) =>
      this.#kept.size(b) - this.#kept.size(a) ||
      (this.#kept.of[a] ?? 0) - (this.#kept.of[b] ?? 0) ||
      this.#peerHashes[a] - this.#peerHashes[b]
    );
    for (const peer of order) {
      while (this.#watched[peer] < this.#watchers) {
        this.#add(this.#choose(peer) ?? this.#makeRoom(peer), peer);
      }
    }
  }

  /** Moves peers to collectors that have too few: what is new where it is, and small pieces of groups, first. */
  level(): void {
    for (;;) {
      const by = [...this.#loads.keys()].sort((a, b) => this.#loads[a] - this.#loads[b]);
      const [poor, rich] = [by[0], by.at(-1)!];
      const count = Math.min(
        this.#least - this.#loads[poor],
        Math.ceil((this.#loads[rich] - this.#loads[poor]) / 2),
      );
      if (count <= 0) return;
      const held = this.#kept.counts;
      const group = (peer: number) => this.#kept.of[peer] ?? 0;
      const moved = this.#numbersOf(rich).filter((peer) => !this.#holds[poor][peer]).sort((a, b) =>
        this.#before[rich][a] - this.#before[rich][b] ||
        this.#spread.count(poor, a) - this.#spread.count(poor, b) ||
        (held[poor][group(b)] ?? 0) - (held[poor][group(a)] ?? 0) ||
        (held[rich][group(a)] ?? 0) - (held[rich][group(b)] ?? 0) ||
        group(a) - group(b) || this.#mix(poor, a) - this.#mix(poor, b)
      ).slice(0, count);
      for (const peer of moved) {
        this.#drop(rich, peer);
        this.#add(poor, peer);
      }
    }
  }

  get notSpread(): number {
    const { counts, sizes } = this.#spread;
    return counts.flat().reduce(
      (sum, count, at) => sum + Math.max(0, count - this.#share(sizes[at % sizes.length])),
      0,
    );
  }

  peersOf(collector: number): Set<string> {
    return new Set(this.#numbersOf(collector).map((peer) => this.peers[peer].nodeId));
  }

  #numbersOf(collector: number): number[] {
    const held = this.#holds[collector];
    return [...held.keys()].filter((peer) => held[peer] === 1);
  }

  /** The best collector with room; null when all that have room watch the peer already. */
  #choose(peer: number): number | null {
    let best: number | null = null;
    for (const collector of this.#loads.keys()) {
      if (this.#holds[collector][peer] || this.#loads[collector] >= this.#most) continue;
      if (best === null || this.#compare(collector, best, peer) < 0) best = collector;
    }
    return best;
  }

  #compare(a: number, b: number, peer: number): number {
    return Number(this.#excess(a, peer) >= 0) - Number(this.#excess(b, peer) >= 0) ||
      this.#before[b][peer] - this.#before[a][peer] ||
      this.#kept.count(b, peer) - this.#kept.count(a, peer) ||
      this.#spread.count(a, peer) - this.#spread.count(b, peer) ||
      this.#loads[a] - this.#loads[b] ||
      this.#mix(a, peer) - this.#mix(b, peer);
  }

  /** A full collector that does not watch the peer passes another one on. */
  #makeRoom(peer: number): number {
    const full = this.#loads.findIndex((_, one) => !this.#holds[one][peer]);
    const other = this.#loads.findIndex((load) => load < this.#most);
    const passable = this.#numbersOf(full).filter((one) => !this.#holds[other][one]);
    const moved = passable.find((one) => !this.#before[full][one]) ?? passable[0];
    this.#drop(full, moved);
    this.#add(other, moved);
    return full;
  }

  #share(size: number): number {
    return Math.ceil(size * this.#watchers / this.#loads.length);
  }

  /** How much a collector watches of the peer's spread group beyond its share; -Infinity where that has none. */
  #excess(collector: number, peer: number): number {
    if (this.#spread.of[peer] === null) return -Infinity;
    return this.#spread.count(collector, peer) - this.#share(this.#spread.size(peer));
  }

  #add(collector: number, peer: number): void {
    this.#change(collector, peer, 1);
  }

  #drop(collector: number, peer: number): void {
    this.#change(collector, peer, -1);
  }

  #change(collector: number, peer: number, by: number): void {
    this.#holds[collector][peer] += by;
    this.#loads[collector] += by;
    this.#watched[peer] += by;
    this.#kept.add(collector, peer, by);
    this.#spread.add(collector, peer, by);
  }

  #mix(collector: number, peer: number): number {
    return Math.imul(this.#collectorHashes[collector] ^ this.#peerHashes[peer], 0x9e3779b1) >>> 0;
  }
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash;
}
