// What a matrix of delays shows: the additive model, peers in lockstep, origins that a peer lacks. Pure.

import { logNormalTail, medianOf, normalQuantile } from "./tails.ts";

/** Not delivered. */
export const NEVER: number = -1;

/** A row per peer, a column per message. */
export interface Sample {
  readonly peers: number;
  /** By message. */
  readonly origin: Int32Array;
  readonly firstMs: Int32Array;
  /** Since the message's first sight, or {@link NEVER}. */
  readonly delayMs: Int32Array;
}

/** Messages that a peer's effect is taken of: its median then errs by a few hundredths. */
const MOST_POLISHED = 1500;
const LEAST_VALUES = 20;
/** Below this, delays are the first peer's head start rather than a pace. */
const LEAST_DELAY_MS = 1000;
const ROUNDS = 3;

/**
 * Tukey's median polish of ln delay = peer + message + rest: what is typical of peer and of message, the other's part
 * taken out. NaN where there are too few values.
 */
export function polish(sample: Sample): { peers: Float64Array; messages: Float64Array } {
  const { peers: count, delayMs, origin } = sample;
  const columns = origin.length;
  const step = Math.max(1, Math.ceil(columns / MOST_POLISHED));
  const peers = new Float64Array(count), messages = new Float64Array(columns);
  const values = new Float64Array(Math.max(count, columns));
  const value = (p: number, m: number) =>
    Math.log(Math.max(delayMs[p * columns + m], LEAST_DELAY_MS));
  const ofMessages = (step: number) => {
    for (let m = 0; m < columns; m += step) {
      let n = 0;
      for (let p = 0; p < count; p++) {
        if (delayMs[p * columns + m] !== NEVER && !Number.isNaN(peers[p])) {
          values[n++] = value(p, m) - peers[p];
        }
      }
      messages[m] = n < LEAST_VALUES ? NaN : medianOf(values.subarray(0, n));
    }
  };
  for (let round = 0; round < ROUNDS; round++) {
    ofMessages(step);
    for (let p = 0; p < count; p++) {
      let n = 0;
      for (let m = 0; m < columns; m += step) {
        if (delayMs[p * columns + m] !== NEVER && !Number.isNaN(messages[m])) {
          values[n++] = value(p, m) - messages[m];
        }
      }
      peers[p] = n < LEAST_VALUES ? NaN : medianOf(values.subarray(0, n));
    }
  }
  ofMessages(1);
  return { peers, messages };
}

/** Values by how far they are from the median, in deviations that the median absolute deviation gives; NaN stays out. */
export function outliers(values: Float64Array): { i: number; effect: number; logP: number }[] {
  const known = [...values.keys()].filter((i) => Number.isFinite(values[i]));
  const middle = medianOf(known.map((i) => values[i]));
  const deviation = 1.4826 * medianOf(known.map((i) => Math.abs(values[i] - middle)));
  return known.map((i) => {
    const effect = values[i] - middle;
    return { i, effect, logP: logNormalTail(effect / Math.max(deviation, LEAST_DEVIATION)) };
  });
}

/** A smaller deviation of ln delay is that of equal values. */
const LEAST_DEVIATION = 0.05;

/** Ranks within each kind as quantiles of a normal distribution, and distances from the kind's median; NaN is left as 0. */
export function rankScores(
  values: Float64Array,
  kindOf: (i: number) => number,
): { z: number; effect: number }[] {
  const scores = Array.from(values, () => ({ z: 0, effect: 0 }));
  for (const own of Map.groupBy(values.keys(), kindOf).values()) {
    const order = own.filter((i) => Number.isFinite(values[i])).sort((a, b) =>
      values[a] - values[b]
    );
    const middle = values[order[order.length >> 1]];
    order.forEach((i, rank) =>
      scores[i] = { z: normalQuantile((rank + 0.5) / order.length), effect: values[i] - middle }
    );
  }
  return scores;
}

const CLOSE_MS = 50;
const MOST_COMPARED = 2000;

/** Pairs of peers that delivered at least a fifth of their common messages within 50 ms. */
export function lockstep(
  sample: Sample,
): { a: number; b: number; common: number; together: number }[] {
  const { peers, delayMs, origin } = sample;
  const columns = origin.length;
  const step = Math.max(1, Math.ceil(columns / MOST_COMPARED));
  const counts = new Uint16Array(peers * peers);
  const order = new Float64Array(peers);
  for (let m = 0; m < columns; m += step) {
    let n = 0;
    for (let p = 0; p < peers; p++) {
      const delay = delayMs[p * columns + m];
      // One number sorts by delay and keeps the peer.
      if (delay !== NEVER) order[n++] = delay * 65_536 + p;
    }
    const sorted = order.subarray(0, n).sort();
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n && sorted[j] - sorted[i] < (CLOSE_MS + 1) * 65_536; j++) {
        const [a, b] = [sorted[i] % 65_536, sorted[j] % 65_536];
        counts[Math.min(a, b) * peers + Math.max(a, b)]++;
      }
    }
  }
  const compared = Math.ceil(columns / step);
  const pairs = [];
  for (let a = 0; a < peers; a++) {
    for (let b = a + 1; b < peers; b++) {
      const together = counts[a * peers + b];
      if (together < 10 || together < 0.02 * compared) continue;
      let common = 0;
      for (let m = 0; m < columns; m += step) {
        if (delayMs[a * columns + m] !== NEVER && delayMs[b * columns + m] !== NEVER) common++;
      }
      if (together >= 0.2 * common) pairs.push({ a, b, common, together });
    }
  }
  return pairs;
}

/** A message counts for a peer that was connected when it came and this long after. */
const LIFE_MS = 15 * 60_000;
/** A peer that lacks more of all is no judge of what it lacks. */
const MOST_MISSED = 0.5;

/** By peer: the origins of which it delivered nothing while connected, and how many that would be by chance. */
export function missingOrigins(
  { peers, origin, firstMs, delayMs }: Sample,
  spans: readonly { peer: number; settledMs: number; toMs: number }[],
  least: number,
): { peer: number; origins: Set<number>; messages: number; expected: number }[] {
  const columns = origin.length;
  const spansOf = Map.groupBy(spans, ({ peer }) => peer);
  return Array.from({ length: peers }, (_, peer) => {
    const isHad = (m: number) => delayMs[peer * columns + m] !== NEVER;
    const own = spansOf.get(peer) ?? [];
    const asked = [...origin.keys()].filter((m) =>
      isHad(m) ||
      own.some(({ settledMs, toMs }) => firstMs[m] >= settledMs && firstMs[m] + LIFE_MS <= toMs)
    );
    const missed = 1 - asked.filter(isHad).length / Math.max(1, asked.length);
    const found = { peer, origins: new Set<number>(), messages: 0, expected: 0 };
    if (missed > MOST_MISSED) return found;
    for (const [id, messages] of Map.groupBy(asked, (m) => origin[m])) {
      if (messages.length < least) continue;
      found.expected += missed ** messages.length;
      if (messages.some(isHad)) continue;
      found.origins.add(id);
      found.messages += messages.length;
    }
    return found;
  });
}
