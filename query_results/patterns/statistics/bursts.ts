// Bursts: more messages of one entity in an hour than its own rate, the network's and the spread of its like explain. Pure.

import { logNegativeBinomialTail, qValues } from "./tails.ts";

/** Events of entities: entity e has `times` from `starts[e]` to `starts[e + 1]`, ascending, ms since the window's start. */
export interface Events {
  readonly times: Int32Array;
  readonly starts: Int32Array;
}

export interface Burst {
  readonly entity: number;
  /** ms since the window's start. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly observed: number;
  readonly expected: number;
  readonly q: number;
}

export interface BurstOptions {
  readonly lengthMs: number;
  /** Windows of this length are tested, each half a window after the one before. */
  readonly windowMs: number;
  /** Fewer events make no burst. */
  readonly least: number;
  readonly maxQ: number;
}

/** A window as unlikely as this says nothing of how much its like spread. */
const FLAGGED_LOG_P = Math.log(1e-6);
const ROUNDS = 3;
/** Fewer entities cannot show how much their like spread; they share the next stratum's. */
const LEAST_STRATUM = 8;

/** Tests every window of every entity, and gives the bursts at a false discovery rate of at most `maxQ`. */
export function findBursts(events: Events, options: BurstOptions): Burst[] {
  const { lengthMs, windowMs, least, maxQ } = options;
  const binMs = windowMs / 2;
  const bins = Math.floor(lengthMs / binMs);
  const entities = events.starts.length - 1;
  if (bins < 4 || entities === 0) return [];
  const { counts, weights } = countBins(events, bins, binMs);
  const prior = fitPrior(events);
  const stratumOf = strata(events);
  const spread = new Float64Array(64);
  const candidates: (Burst & { logP: number })[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const squares = new Float64Array(64), excess = new Float64Array(64);
    candidates.length = 0;
    for (let e = 0; e < entities; e++) {
      const total = events.starts[e + 1] - events.starts[e];
      const stratum = stratumOf[e];
      for (let w = 0; w + 1 < bins; w++) {
        const count = counts[e * bins + w] + counts[e * bins + w + 1];
        const share = weights[w] + weights[w + 1];
        const outside = prior.shape + total - count;
        const mean = outside / (prior.rate + 1 - share) * share;
        const size = 1 / (spread[stratum] + 1 / outside);
        const logP = count >= least ? logNegativeBinomialTail(count, mean, size) : 0;
        if (logP < FLAGGED_LOG_P) {
          // The last bin also has what is left of the window.
          const [fromMs, untilMs] = [w * binMs, w + 2 === bins ? lengthMs : (w + 2) * binMs];
          candidates.push({
            entity: e,
            fromMs,
            untilMs,
            observed: count,
            expected: mean,
            q: 0,
            logP,
          });
        } else if (w % 2 === 0) {
          squares[stratum] += mean ** 2;
          excess[stratum] += (count - mean) ** 2 - mean - mean ** 2 / outside;
        }
      }
    }
    for (let s = 0; s < 64; s++) {
      spread[s] = squares[s] > 0 ? Math.max(0, excess[s] / squares[s]) : 0;
    }
  }
  const q = qValues(candidates.map(({ logP }) => logP), entities * (bins - 1));
  const found = candidates.map(({ logP: _, ...burst }, i) => ({ ...burst, q: q[i] }))
    .filter((burst) => burst.q <= maxQ);
  return joined(found).map((burst) => withExtent(burst, events));
}

function countBins({ times, starts }: Events, bins: number, binMs: number) {
  const entities = starts.length - 1;
  const counts = new Uint16Array(entities * bins);
  const totals = new Float64Array(bins);
  for (let e = 0; e < entities; e++) {
    for (let i = starts[e]; i < starts[e + 1]; i++) {
      const bin = Math.min(bins - 1, Math.floor(times[i] / binMs));
      counts[e * bins + bin]++;
      totals[bin]++;
    }
  }
  // Half a count per bin: a bin in which nothing came says little, and no share is 0.
  const sum = totals.reduce((sum, total) => sum + total + 0.5, 0);
  const weights = entities < LEAST_STRATUM
    ? new Float64Array(bins).fill(1 / bins)
    : totals.map((total) => (total + 0.5) / sum);
  return { counts, weights };
}

/** A gamma distribution of the entities' totals, by moments: what an entity without other messages is taken to send. */
function fitPrior({ starts }: Events): { shape: number; rate: number } {
  const entities = starts.length - 1;
  const mean = starts[entities] / entities;
  let squares = 0;
  for (let e = 0; e < entities; e++) squares += (starts[e + 1] - starts[e] - mean) ** 2;
  const shape = mean ** 2 / Math.max(squares / entities - mean, mean / 100);
  return { shape, rate: shape / mean };
}

/** By entity: entities of like totals, a factor of two apart. */
function strata({ starts }: Events): Uint8Array {
  const own = Uint8Array.from(
    { length: starts.length - 1 },
    (_, e) => 1 + Math.floor(Math.log2(Math.max(1, starts[e + 1] - starts[e]))),
  );
  const sizes = new Int32Array(64);
  for (const stratum of own) sizes[stratum]++;
  const to = Uint8Array.from(sizes, (_, s) => s);
  for (let s = 63; s > 1; s--) {
    if (sizes[s] >= LEAST_STRATUM) continue;
    for (let above = s; above < 64; above++) if (to[above] === s) to[above] = s - 1;
    sizes[s - 1] += sizes[s];
  }
  return own.map((stratum) => to[stratum]);
}

/** Windows of one entity that overlap or touch become one burst: the strongest, from the first's start to the last's end. */
function joined(bursts: readonly Burst[]): Burst[] {
  const out: Burst[] = [];
  for (const burst of bursts) {
    const last = out.at(-1);
    if (last?.entity !== burst.entity || burst.fromMs > last.untilMs) out.push(burst);
    else {
      const stronger = burst.q < last.q ? burst : last;
      out[out.length - 1] = { ...stronger, fromMs: last.fromMs, untilMs: burst.untilMs };
    }
  }
  return out;
}

function withExtent(burst: Burst, { times, starts }: Events): Burst {
  const own = times.subarray(starts[burst.entity], starts[burst.entity + 1]);
  const near = own.filter((time) => time >= burst.fromMs && time < burst.untilMs);
  const base = burst.expected / (burst.untilMs - burst.fromMs);
  const [fromMs, untilMs] = burstExtent(
    near,
    base,
    burst.observed / (burst.untilMs - burst.fromMs),
  );
  const observed = near.filter((time) => time >= fromMs && time <= untilMs).length;
  return {
    ...burst,
    fromMs,
    untilMs: untilMs + 1,
    observed,
    expected: base * Math.max(untilMs - fromMs, 60_000),
  };
}

/** What changing state costs, in nats per ln n (Kleinberg's γ). */
const TRANSITION = 1;

/**
 * The longest span in Kleinberg's burst state: two rates of events, whose cheapest course over the gaps is found by
 * dynamic programming. Rates are events per ms.
 */
export function burstExtent(times: Int32Array, base: number, raised: number): [number, number] {
  const n = times.length - 1;
  if (n < 1) return [times[0], times[0]];
  const rates = [Math.min(base, raised / 4), raised];
  const switching = TRANSITION * Math.log(n + 1);
  const isRaisedBefore: [number, number][] = [];
  let cost = [0, switching];
  for (let i = 0; i < n; i++) {
    const gap = Math.max(1, times[i + 1] - times[i]);
    const stay = rates.map((rate) => rate * gap - Math.log(rate));
    const from: [number, number] = [
      cost[0] <= cost[1] ? 0 : 1,
      cost[1] <= cost[0] + switching ? 1 : 0,
    ];
    cost = [cost[from[0]] + stay[0], cost[from[1]] + (from[1] === 1 ? 0 : switching) + stay[1]];
    isRaisedBefore.push(from);
  }
  let state = cost[1] <= cost[0] ? 1 : 0, best: [number, number] = [0, 0], end = n;
  for (let i = n - 1; i >= 0; i--) {
    const before = isRaisedBefore[i][state];
    if (state === 1 && (before === 0 || i === 0)) {
      if (end - i > best[1] - best[0]) best = [i, end];
    }
    if (before === 1 && state === 0) end = i;
    state = before;
  }
  return best[1] > best[0] ? [times[best[0]], times[best[1]]] : [times[0], times[n]];
}
