// Distributions as tables of quantiles, to draw from. Pure.

/** A point of a distribution: a share in [0, 1] and the value there. */
export type Knot = readonly [share: number, value: number];

/** Fine enough for the last of 978 peers. */
const TABLE_STEPS = 16_384;

/** Linear interpolation through `knots`, which ascend from share 0 to share 1. */
export function interpolate(knots: readonly Knot[], share: number): number {
  let i = 1;
  while (i < knots.length - 1 && knots[i][0] < share) i++;
  const [from, low] = knots[i - 1];
  const [to, high] = knots[i];
  return low + (high - low) * (share - from) / (to - from);
}

/** {@link interpolate} made fast: read it with {@link lookUp}. */
export function quantileTable(knots: readonly Knot[]): Float64Array {
  return Float64Array.from(
    { length: TABLE_STEPS + 1 },
    (_, i) => interpolate(knots, i / TABLE_STEPS),
  );
}

/** The value at `share` of a {@link quantileTable}. */
export function lookUp(table: Float64Array, share: number): number {
  const at = share * TABLE_STEPS;
  const i = Math.floor(at);
  return table[i] + (table[i + 1] - table[i]) * (at - i);
}
