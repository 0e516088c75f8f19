// What a matrix of delays shows: the additive model, peers in lockstep, origins that a peer lacks. Pure.

import { medianOf } from "./tails.ts";

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
/** A peer that delivers less is no judge of what it lacks. */
const LEAST_COVERAGE = 0.5;

/** By peer: the origins of which it delivered nothing while connected, and how many that would be by chance. */
export function missingOrigins(
  { peers, origin, firstMs, delayMs }: Sample,
  spans: readonly { peer: number; settledMs: number; toMs: number }[],
  least: number,
): { peer: number; origins: number[]; messages: number; expected: number }[] {
  const columns = origin.length;
  const spansOf = Map.groupBy(spans, ({ peer }) => peer);
  return Array.from({ length: peers }, (_, peer) => {
    const own = spansOf.get(peer) ?? [];
    const asked = new Map<number, [asked: number, had: number]>();
    let all = 0, had = 0;
    for (let m = 0; m < columns; m++) {
      const isHad = delayMs[peer * columns + m] !== NEVER;
      const isAsked = isHad ||
        own.some(({ settledMs, toMs }) => firstMs[m] >= settledMs && firstMs[m] + LIFE_MS <= toMs);
      if (!isAsked) continue;
      const counts = asked.get(origin[m]) ?? [0, 0];
      asked.set(origin[m], [counts[0] + 1, counts[1] + Number(isHad)]);
      all++;
      had += Number(isHad);
    }
    const coverage = had / Math.max(1, all);
    const origins: number[] = [];
    let messages = 0, expected = 0;
    if (coverage < LEAST_COVERAGE) return { peer, origins, messages, expected };
    for (const [id, [count, delivered]] of asked) {
      if (count < least) continue;
      expected += (1 - coverage) ** count;
      if (delivered === 0) {
        origins.push(id);
        messages += count;
      }
    }
    return { peer, origins, messages, expected };
  });
}
