// What a split of peers means: who watches how many, and what may be expected of it.

import type { PlannedPeer } from "./plan.ts";

/** Between what it is if all watchers miss the same peers, and if each misses some by chance. */
export type Range = readonly [least: number, most: number];

/** What a plan, or what is so now, means for the peers. */
export interface Coverage {
  /** How many peers have that many watchers, by number. */
  readonly byWatchers: readonly number[];
  /** Peers left without a watcher when this collector fails, the one of which most depends. */
  readonly worst: { readonly collector: string; readonly unwatched: number };
  /** Peers that are watched at any moment, and by all their watchers, as collectors hold their peers today. */
  readonly expected: Range;
  readonly expectedByAll: Range;
}

/** Counts watchers. @param held the share of its peers that each collector holds, 0 to 1; 1 where it is unknown. */
export function coverageOf(
  peers: readonly PlannedPeer[],
  assigned: ReadonlyMap<string, ReadonlySet<string>>,
  held: ReadonlyMap<string, number>,
): Coverage {
  const byWatchers: number[] = [];
  const depending = new Map([...assigned.keys()].map((name) => [name, 0]));
  const expected: [number, number] = [0, 0], expectedByAll: [number, number] = [0, 0];
  for (const { nodeId } of peers) {
    const watchers = [...assigned].filter(([, own]) => own.has(nodeId)).map(([name]) => name);
    byWatchers[watchers.length] = (byWatchers[watchers.length] ?? 0) + 1;
    if (watchers.length === 1) depending.set(watchers[0], depending.get(watchers[0])! + 1);
    if (watchers.length === 0) continue;
    const shares = watchers.map((name) => held.get(name) ?? 1);
    expected[0] += Math.max(...shares);
    expected[1] += 1 - shares.reduce((none, share) => none * (1 - share), 1);
    expectedByAll[0] += shares.reduce((all, share) => all * share, 1);
    expectedByAll[1] += Math.min(...shares);
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
