// Statistics that the calibration needs. Pure.

/** The value at `share` of ascending numbers; continuous, as SQL's `percentile_cont`. */
export function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** The arithmetic mean; NaN of no values. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** The indices of the numbers, least first; NaN left out. */
export function ascending(values: Float64Array): Uint32Array {
  const indices = Uint32Array.from(values.keys()).filter((i) => !Number.isNaN(values[i]));
  return indices.sort((a, b) => values[a] - values[b]);
}

/** Values with their {@link ascending} order. */
export type Ranked = readonly [values: Float64Array, order: Uint32Array];

/** Spearman's rank correlation where both have a value. Ties are broken by index. */
export function spearman([a, orderA]: Ranked, [b, orderB]: Ranked): number {
  const ranks = new Float64Array(a.length);
  let common = 0;
  for (const i of orderA) if (!Number.isNaN(b[i])) ranks[i] = common++;
  let rank = 0;
  let squares = 0;
  for (const i of orderB) if (!Number.isNaN(a[i])) squares += (ranks[i] - rank++) ** 2;
  return 1 - 6 * squares / (common * (common ** 2 - 1));
}

/** Rounds of alternate averaging: with a tenth of the values missing, 20 leave an error below 1e-9. */
const ROUNDS = 20;

/**
 * Shares of the variance in the additive model value(row, column) = mean + row effect + column effect + rest, by least
 * squares over the values that are not NaN.
 */
export function varianceShares(
  rows: readonly Float64Array[],
): [row: number, column: number, rest: number] {
  const effects = [new Float64Array(rows.length), new Float64Array(rows[0].length)];
  const average = mean(rows.flatMap((row) => [...row].filter((value) => !Number.isNaN(value))));
  const each = (visit: (centred: number, at: readonly [number, number]) => void) =>
    rows.forEach((row, r) =>
      row.forEach((value, c) => {
        if (!Number.isNaN(value)) visit(value - average, [r, c]);
      })
    );
  for (let step = 0; step < 2 * ROUNDS; step++) {
    const [side, other] = step % 2 === 0 ? [0, 1] : [1, 0];
    const sums = new Float64Array(effects[side].length);
    const counts = new Float64Array(effects[side].length);
    each((centred, at) => {
      sums[at[side]] += centred - effects[other][at[other]];
      counts[at[side]]++;
    });
    effects[side] = sums.map((sum, i) => counts[i] > 0 ? sum / counts[i] : 0);
  }
  const squares = [0, 0, 0];
  each((centred, [r, c]) => {
    const parts = [effects[0][r], effects[1][c], centred - effects[0][r] - effects[1][c]];
    parts.forEach((part, i) => squares[i] += part ** 2);
  });
  const [row, column, rest] = squares.map((sum) => sum / (squares[0] + squares[1] + squares[2]));
  return [row, column, rest];
}
