// Splits peers among collectors: each is watched by k of them, loads stay level, and what is watched already stays where
// it is as far as that goes. Ranks are those of rendezvous hashing (Thaler and Ravishankar, 1998), so that a collector
// that comes or goes moves only its own share.

import { createHash } from "node:crypto";
import { UserError } from "../../shared/errors.ts";

/** Collectors may take this much more than a level share where groups are kept together. */
const KEPT_SLACK = 1.1;

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
  /** Peers that one collector watches beyond its share of a group that should be spread. */
  readonly notSpread: number;
}

/** Plans. @throws {UserError} when the collectors cannot hold that many. */
export function planPeers(peers: readonly PlannedPeer[], options: PlanOptions): Plan {
  const { collectors, current } = options;
  const plan = new Planner(peers, options);
  plan.keepCurrent();
  plan.fill();
  const moves = new Map(collectors.map((name) => {
    const [before, after] = [current.get(name) ?? new Set(), plan.assigned.get(name)!];
    return [name, {
      opened: after.difference(before).size,
      ended: before.difference(after).size,
    }];
  }));
  return { assigned: plan.assigned, moves, notSpread: plan.notSpread };
}

class Planner {
  readonly assigned: Map<string, Set<string>>;
  notSpread = 0;
  readonly #options: PlanOptions;
  readonly #peers: readonly PlannedPeer[];
  readonly #watchers: number;
  readonly #limit: number;
  /** Of a group that is spread: peers in it, and how many each collector watches. */
  readonly #sizes = new Map<string, number>();
  readonly #shares = new Map<string, number>();
  readonly #ranks = new Map<string, readonly string[]>();

  constructor(peers: readonly PlannedPeer[], options: PlanOptions) {
    const { collectors, watchers, capacity, current } = options;
    this.#options = options;
    this.assigned = new Map(collectors.map((name) => [name, new Set()]));
    this.#watchers = Math.min(watchers, collectors.length);
    const places = peers.length * this.#watchers;
    if (places > capacity * collectors.length) {
      throw new UserError(
        `${peers.length} peers with ${this.#watchers} watchers each need ${places} places, and ${collectors.length} ` +
          `collectors have ${capacity} each: add collectors, or lower --watchers`,
      );
    }
    const level = places / collectors.length;
    const slack = peers.some(({ kept }) => kept !== undefined) ? KEPT_SLACK : 1;
    this.#limit = Math.min(capacity, Math.ceil(level * slack));
    const groups = Map.groupBy(peers, keyOf);
    for (const [key, group] of groups) {
      const held = new Map(collectors.map((name) => {
        const own = current.get(name);
        return [name, own ? group.filter(({ nodeId }) => own.has(nodeId)).length : 0];
      }));
      const ranked = collectors.toSorted((a, b) =>
        held.get(b)! - held.get(a)! || score(b, key) - score(a, key)
      );
      this.#ranks.set(key, ranked);
    }
    for (const { spread } of peers) {
      if (spread !== undefined) this.#sizes.set(spread, (this.#sizes.get(spread) ?? 0) + 1);
    }
    // Whole groups one after the other, the largest first, while there is room for all of one.
    this.#peers = peers.map((peer) => ({ peer, size: groups.get(keyOf(peer))!.length }))
      .sort((a, b) => b.size - a.size || (keyOf(a.peer) < keyOf(b.peer) ? -1 : 1))
      .map(({ peer }) => peer);
  }

  keepCurrent(): void {
    for (const [name, own] of this.assigned) {
      const before = this.#options.current.get(name) ?? new Set();
      const kept = this.#peers.filter((peer) =>
        before.has(peer.nodeId) && this.#ranks.get(keyOf(peer))!.indexOf(name) < this.#watchers
      ).sort((a, b) => score(name, keyOf(b)) - score(name, keyOf(a)));
      for (const peer of kept) if (this.#hasRoom(name, peer)) this.#assign(own, name, peer);
    }
  }

  fill(): void {
    for (const peer of this.#peers) {
      const ranked = this.#ranks.get(keyOf(peer))!;
      const holds = (name: string) => this.assigned.get(name)!.has(peer.nodeId);
      for (let missing = this.#watchers - ranked.filter(holds).length; missing > 0; missing--) {
        const free = this.#byShare(ranked.filter((name) => !holds(name)), peer);
        const chosen = free.find((name) => this.#hasRoom(name, peer)) ??
          free.find((name) => this.assigned.get(name)!.size < this.#limit) ??
          this.#makeRoom(free[0]);
        if (!this.#hasShare(chosen, peer)) this.notSpread++;
        this.#assign(this.assigned.get(chosen)!, chosen, peer);
      }
    }
  }

  /** Of a group that is spread, who has least of it comes first. */
  #byShare(names: readonly string[], { spread }: PlannedPeer): readonly string[] {
    if (spread === undefined) return names;
    const share = (name: string) => this.#shares.get(`${name} ${spread}`) ?? 0;
    const load = (name: string) => this.assigned.get(name)!.size;
    return names.toSorted((a, b) => share(a) - share(b) || load(a) - load(b));
  }

  /** All that have room watch the peer already: one of them takes over another peer of a full one. */
  #makeRoom(full: string): string {
    const own = this.assigned.get(full)!;
    const [, other] = [...this.assigned].find(([, { size }]) => size < this.#limit)!;
    const [moved] = own.difference(other);
    own.delete(moved);
    other.add(moved);
    return full;
  }

  #hasRoom(name: string, peer: PlannedPeer): boolean {
    return this.assigned.get(name)!.size < this.#limit && this.#hasShare(name, peer);
  }

  #hasShare(name: string, { spread }: PlannedPeer): boolean {
    if (spread === undefined) return true;
    const size = this.#sizes.get(spread)! * this.#watchers;
    const share = Math.ceil(size / this.#options.collectors.length);
    return (this.#shares.get(`${name} ${spread}`) ?? 0) < share;
  }

  #assign(own: Set<string>, name: string, { nodeId, spread }: PlannedPeer): void {
    own.add(nodeId);
    if (spread === undefined) return;
    const key = `${name} ${spread}`;
    this.#shares.set(key, (this.#shares.get(key) ?? 0) + 1);
  }
}

/** What is ranked as one: a group that is kept, or the peer. */
function keyOf({ kept, nodeId }: PlannedPeer): string {
  return kept === undefined ? nodeId : `group ${kept}`;
}

const scores = new Map<string, number>();

function score(collector: string, key: string): number {
  const text = `${collector} ${key}`;
  let found = scores.get(text);
  if (found === undefined) {
    found = createHash("sha256").update(text).digest().readUIntBE(0, 6);
    scores.set(text, found);
  }
  return found;
}

/** What a plan, or what is so now, means for the peers. */
export interface Coverage {
  /** How many peers have that many watchers, by number. */
  readonly byWatchers: readonly number[];
  /** Peers left without a watcher when this collector fails, the one of which most depends. */
  readonly worst: { readonly collector: string; readonly unwatched: number };
  /** Peers that are watched at any moment, and by all their watchers, as collectors hold their peers today. */
  readonly expected: number;
  readonly expectedByAll: number;
}

/** Counts watchers. @param held the share of its peers that each collector holds, 0 to 1; 1 where it is unknown. */
export function coverageOf(
  peers: readonly PlannedPeer[],
  assigned: ReadonlyMap<string, ReadonlySet<string>>,
  held: ReadonlyMap<string, number>,
): Coverage {
  const byWatchers: number[] = [];
  const depending = new Map([...assigned.keys()].map((name) => [name, 0]));
  let expected = 0, expectedByAll = 0;
  for (const { nodeId } of peers) {
    const watchers = [...assigned].filter(([, own]) => own.has(nodeId)).map(([name]) => name);
    byWatchers[watchers.length] = (byWatchers[watchers.length] ?? 0) + 1;
    if (watchers.length === 1) depending.set(watchers[0], depending.get(watchers[0])! + 1);
    if (watchers.length === 0) continue;
    const shares = watchers.map((name) => held.get(name) ?? 1);
    expected += 1 - shares.reduce((none, share) => none * (1 - share), 1);
    expectedByAll += shares.reduce((all, share) => all * share, 1);
  }
  const [collector, unwatched] = [...depending].reduce(
    (a, b) => b[1] > a[1] ? b : a,
    ["none", 0] as [string, number],
  );
  return {
    byWatchers: Array.from(byWatchers, (count) => count ?? 0),
    worst: { collector, unwatched },
    expected,
    expectedByAll,
  };
}
