/**
 * Statistics that the calibration needs. Pure.
 *
 * @module
 */

/** The value at `share` of ascending numbers; continuous, as SQL's `percentile_cont`. */
export function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** NaN when there are none. */
export function mean(values: Iterable<number>): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    sum += value;
    count++;
  }
  return sum / count;
}

/** The indices of the numbers, least first; NaN left out. */
export function ascending(values: Float64Array): Uint32Array {
  const indices = Uint32Array.from(values.keys()).filter((i) => !Number.isNaN(values[i]));
  return indices.sort((a, b) => values[a] - values[b]);
}

/**
 * Spearman's rank correlation of `a` and `b` where both have a value, from their {@link ascending} orders. Equal
 * values count as different ones, in the order of their indices.
 */
export function spearman(
  [a, orderA]: readonly [Float64Array, Uint32Array],
  [b, orderB]: readonly [Float64Array, Uint32Array],
): number {
  const ranks = new Float64Array(a.length);
  let common = 0;
  for (const i of orderA) if (!Number.isNaN(b[i])) ranks[i] = common++;
  let rank = 0;
  let squares = 0;
  for (const i of orderB) if (!Number.isNaN(a[i])) squares += (ranks[i] - rank++) ** 2;
  return 1 - 6 * squares / (common * (common ** 2 - 1));
}

/** How much of the variance of delays lies in the message, in the peer, and in neither. */
export interface VarianceShares {
  /** Of the messages' effects. */
  readonly message: number;
  /** Of the peers' effects. */
  readonly peer: number;
  /** Of what neither explains. */
  readonly rest: number;
}

/** Rounds of alternate averaging. With a tenth of the receipts missing, ten leave an error below 1e-9. */
const ROUNDS = 20;

/**
 * The shares of the additive model delay(m, p) = mean + message(m) + peer(p) + rest, by least squares over the receipts
 * that there are, delays in plain seconds.
 */
export function varianceShares(delays: readonly Float64Array[]): VarianceShares {
  const peers = delays[0].length;
  const messageEffects = new Float64Array(delays.length);
  const peerEffects = new Float64Array(peers);
  const average = mean(
    delays.flatMap((row) => [...row.filter((seconds) => !Number.isNaN(seconds))]),
  );
  const each = (visit: (rest: number, message: number, peer: number) => void) =>
    delays.forEach((row, message) =>
      row.forEach((seconds, peer) => {
        if (!Number.isNaN(seconds)) visit(seconds - average, message, peer);
      })
    );
  const fit = (effects: Float64Array, index: (m: number, p: number) => number) => {
    const counts = new Float64Array(effects.length);
    const sums = new Float64Array(effects.length);
    each((centred, m, p) => {
      const i = index(m, p);
      sums[i] += centred - messageEffects[m] - peerEffects[p] + effects[i];
      counts[i]++;
    });
    effects.forEach((_, i) => effects[i] = counts[i] > 0 ? sums[i] / counts[i] : 0);
  };
  for (let round = 0; round < ROUNDS; round++) {
    fit(messageEffects, (m) => m);
    fit(peerEffects, (_, p) => p);
  }
  let [message, peer, rest] = [0, 0, 0];
  each((centred, m, p) => {
    message += messageEffects[m] ** 2;
    peer += peerEffects[p] ** 2;
    rest += (centred - messageEffects[m] - peerEffects[p]) ** 2;
  });
  const all = message + peer + rest;
  return { message: message / all, peer: peer / all, rest: rest / all };
}
