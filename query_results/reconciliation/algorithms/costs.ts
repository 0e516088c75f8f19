// CPU time of the reference PinSketch library, so that simulations need not decode.

/** Capacity, difference and milliseconds of a decode over the 64-bit field. */
type Measured = readonly [capacity: number, difference: number, ms: number];

const atCapacity = ([difference, ms]: readonly number[]): Measured => [difference, difference, ms];

/** Times of minisketch on one core, by ascending difference; the server's with carry-less multiplication or without. */
export const MEASURED_DECODES = {
  server: [[8, .03], [32, .28], [64, 1.1], [128, 4.2], [256, 32], [512, 150], [1024, 696]]
    .map(atCapacity),
  genericServer: [[8, .1], [32, 1.1], [64, 5.4], [128, 31], [256, 182], [512, 654], [1024, 2109]]
    .map(atCapacity),
  pi5: [
    ...[[2048, 64, 3.1], [2048, 128, 9.8], [2048, 256, 34], [2048, 512, 121]],
    [1024, 1024, 446],
  ] as unknown as Measured[],
};

export type Machine = keyof typeof MEASURED_DECODES;

/** Nanoseconds per element and unit of capacity. The measured range is 7–12, machine unknown; slow ones get 12. */
const ADD_NS: Record<Machine, number> = { server: 7, genericServer: 12, pi5: 12 };

/** Weight of Berlekamp–Massey, c·d, against root finding, d². Fits the five Raspberry Pi times within 4 %. */
const CAPACITY_SHARE = .025;

/** Milliseconds to add ids to a sketch. */
export function addMs(machine: Machine, capacity: number, elements: number): number {
  return ADD_NS[machine] * capacity * elements / 1e6;
}

/**
 * Milliseconds to decode a sketch: k·(d² + .025·c·d)·(bits/64)².
 *
 * k is interpolated over log d between the measured differences, so measured times are exact; it is constant beyond them.
 * The factor for smaller fields rests on one time: 1.9 ms for d = 100 at 32 bits, .24 of that at 64 bits. A decode that
 * fails costs as much as one at capacity.
 */
export function decodeMs(
  machine: Machine,
  bits: number,
  capacity: number,
  difference: number,
): number {
  const d = Math.min(difference, capacity);
  if (d === 0) return 0;
  const measured = MEASURED_DECODES[machine];
  const above = measured.findIndex(([, difference]) => difference >= d);
  const [low, high] = above < 0
    ? [measured.at(-1)!, measured.at(-1)!]
    : [measured[Math.max(0, above - 1)], measured[above]];
  const share = low === high || d <= low[1] ? 0 : Math.log(d / low[1]) / Math.log(high[1] / low[1]);
  const k = factor(low) + share * (factor(high) - factor(low));
  return k * operations(capacity, d) * (bits / 64) ** 2;
}

function operations(capacity: number, difference: number): number {
  return difference ** 2 + CAPACITY_SHARE * capacity * difference;
}

function factor([capacity, difference, ms]: Measured): number {
  return ms / operations(capacity, difference);
}
