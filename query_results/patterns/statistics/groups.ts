// Sets that are nearly the same: messages that nearly the same peers deliver, and the peers that do. Pure.

import { type Random, randomInteger } from "../../../shared/random.ts";

/** Which peers deliver which messages: message m has `peers` from `starts[m]` to `starts[m + 1]`, each once. */
export interface Deliveries {
  readonly peers: Int32Array;
  readonly starts: Int32Array;
  readonly peerCount: number;
}

/** MinHash: this many bands of hashes; two sets with Jaccard index J share a band with probability J³. */
const BANDS = 12;
const ROWS = 3;
/** In one band, a set is compared with as many that fell into the same bucket. */
const COMPARED = 8;

/** By message: how many like it were seen, of Jaccard index above `least`, and the greatest index of any two. */
export function likeness(
  deliveries: Deliveries,
  random: Random,
  least: number,
): { like: Int32Array; greatest: number } {
  const { peers, starts, peerCount } = deliveries;
  const messages = starts.length - 1;
  const like = new Int32Array(messages);
  const bits = bitmaps(deliveries);
  const words = Math.ceil(peerCount / 32);
  let greatest = 0;
  const hashes = Array.from({ length: ROWS }, () => new Int32Array(peerCount));
  for (let band = 0; band < BANDS; band++) {
    for (const hash of hashes) {
      for (let p = 0; p < peerCount; p++) hash[p] = randomInteger(random, 2 ** 30);
    }
    const keys = new Float64Array(messages);
    for (let m = 0; m < messages; m++) {
      let key = 0;
      for (const hash of hashes) {
        let lowest = 2 ** 30;
        for (let i = starts[m]; i < starts[m + 1]; i++) lowest = Math.min(lowest, hash[peers[i]]);
        key = (key * 31 + lowest) % 2 ** 45;
      }
      keys[m] = key;
    }
    const order = Uint32Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b]);
    for (let i = 0; i < messages; i++) {
      for (
        let j = i + 1;
        j < messages && j <= i + COMPARED && keys[order[j]] === keys[order[i]];
        j++
      ) {
        const index = jaccard(bits, words, order[i], order[j]);
        greatest = Math.max(greatest, index);
        if (index > least) {
          like[order[i]]++;
          like[order[j]]++;
        }
      }
    }
  }
  return { like, greatest };
}

function bitmaps({ peers, starts, peerCount }: Deliveries): Uint32Array {
  const words = Math.ceil(peerCount / 32);
  const bits = new Uint32Array((starts.length - 1) * words);
  for (let m = 0; m + 1 < starts.length; m++) {
    for (let i = starts[m]; i < starts[m + 1]; i++) {
      bits[m * words + (peers[i] >> 5)] |= 1 << (peers[i] & 31);
    }
  }
  return bits;
}

function jaccard(bits: Uint32Array, words: number, a: number, b: number): number {
  let common = 0, all = 0;
  for (let w = 0; w < words; w++) {
    const [x, y] = [bits[a * words + w], bits[b * words + w]];
    common += ones(x & y);
    all += ones(x | y);
  }
  return common / all;
}

function ones(word: number): number {
  word -= word >>> 1 & 0x55555555;
  word = (word & 0x33333333) + (word >>> 2 & 0x33333333);
  return Math.imul(word + (word >>> 4) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * The null model: sizes stay, and each message's peers are drawn anew by how much they deliver of all.
 * @param weightsOf by message: each peer's part, summed up over the peers.
 */
export function redrawn(
  { starts, peers, peerCount }: Deliveries,
  weightsOf: (message: number) => Float64Array,
  random: Random,
): Deliveries {
  const drawn = peers.slice();
  for (let m = 0; m + 1 < starts.length; m++) {
    const sums = weightsOf(m);
    const own = new Set<number>();
    for (let tries = 0; own.size < starts[m + 1] - starts[m] && tries < MOST_TRIES; tries++) {
      const at = random.next() * sums[peerCount - 1];
      let [low, high] = [0, peerCount - 1];
      while (low < high) {
        [low, high] = sums[(low + high) >> 1] > at
          ? [low, (low + high) >> 1]
          : [((low + high) >> 1) + 1, high];
      }
      own.add(low);
    }
    if (own.size === starts[m + 1] - starts[m]) drawn.set([...own], starts[m]);
  }
  return { peers: drawn, starts, peerCount };
}

/** Where few peers deliver anything, a message keeps its own. */
const MOST_TRIES = 2000;

/** How alike peers are: Jaccard indices over the chosen messages. */
export function peerLikeness(
  { peers, starts, peerCount }: Deliveries,
  isChosen: (message: number) => boolean,
): Float64Array {
  const common = new Float64Array(peerCount * peerCount);
  for (let m = 0; m + 1 < starts.length; m++) {
    if (!isChosen(m)) continue;
    for (let i = starts[m]; i < starts[m + 1]; i++) {
      for (let j = starts[m]; j < starts[m + 1]; j++) common[peers[i] * peerCount + peers[j]]++;
    }
  }
  const own = Float64Array.from({ length: peerCount }, (_, p) => common[p * peerCount + p]);
  return common.map((both, at) => {
    const [a, b] = [Math.floor(at / peerCount), at % peerCount];
    return a === b || both === 0 ? 0 : both / (own[a] + own[b] - both);
  });
}

/**
 * Communities of a weighted graph by modularity: nodes move to the neighbouring community that gains most, communities
 * become nodes, and so on (Louvain); then each falls into its connected parts, as Leiden's do.
 * @param weights symmetric, `count` × `count`, the diagonal counting what lies inside a node twice.
 * @returns each node's community.
 */
export function communities(weights: Float64Array, count: number): Int32Array {
  const degree = Float64Array.from(
    { length: count },
    (_, a) => weights.subarray(a * count, (a + 1) * count).reduce((sum, w) => sum + w, 0),
  );
  const total = degree.reduce((sum, d) => sum + d, 0);
  const of = Int32Array.from({ length: count }, (_, i) => i);
  if (total === 0) return of;
  const degreeOf = degree.slice();
  let hasMoved = false;
  for (let isMoving = true; isMoving;) {
    isMoving = false;
    for (let a = 0; a < count; a++) {
      const links = new Map<number, number>([[of[a], 0]]);
      for (let b = 0; b < count; b++) {
        const weight = weights[a * count + b];
        if (weight > 0 && b !== a) links.set(of[b], (links.get(of[b]) ?? 0) + weight);
      }
      degreeOf[of[a]] -= degree[a];
      const gain = (community: number) =>
        links.get(community)! - degree[a] * degreeOf[community] / total;
      let best = of[a];
      for (const community of links.keys()) {
        if (gain(community) > gain(best) + 1e-12) best = community;
      }
      degreeOf[best] += degree[a];
      if (best !== of[a]) [of[a], isMoving, hasMoved] = [best, true, true];
    }
  }
  const names = [...new Set(of)];
  const place = new Map(names.map((name, i) => [name, i]));
  const small = of.map((name) => place.get(name)!);
  if (!hasMoved) return connected(weights, count, small);
  const size = names.length;
  const inner = new Float64Array(size * size);
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < count; b++) inner[small[a] * size + small[b]] += weights[a * count + b];
  }
  const outer = communities(inner, size);
  return connected(weights, count, small.map((community) => outer[community]));
}

function connected(weights: Float64Array, count: number, of: Int32Array): Int32Array {
  const part = new Int32Array(count).fill(-1);
  for (let start = 0, next = 0; start < count; start++) {
    if (part[start] >= 0) continue;
    part[start] = next++;
    for (const queue = [start]; queue.length > 0;) {
      const a = queue.pop()!;
      for (let b = 0; b < count; b++) {
        if (part[b] < 0 && of[b] === of[a] && weights[a * count + b] > 0) {
          part[b] = part[a];
          queue.push(b);
        }
      }
    }
  }
  return part;
}

/** The sets that pairs link, each ascending. */
export function linked(pairs: Iterable<readonly [number, number]>): number[][] {
  const setOf = new Map<number, Set<number>>();
  for (const [a, b] of pairs) {
    const all = (setOf.get(a) ?? new Set([a])).union(setOf.get(b) ?? new Set([b]));
    for (const member of all) setOf.set(member, all);
  }
  return [...new Set(setOf.values())].map((set) => [...set].sort((a, b) => a - b));
}
