/**
 * CPU time of the reference PinSketch library, so that simulations need not decode.
 *
 * @module
 */

/** A measured decode over the 64-bit field. */
interface Measured {
  readonly capacity: number;
  readonly difference: number;
  readonly ms: number;
}

const atCapacity = (difference: number, ms: number): Measured => ({
  capacity: difference,
  difference,
  ms,
});

/** Times of minisketch on one core, by ascending difference. */
export const MEASURED_DECODES = {
  /** With carry-less multiplication. */
  server: [
    atCapacity(8, .03),
    atCapacity(32, .28),
    atCapacity(64, 1.1),
    atCapacity(128, 4.2),
    atCapacity(256, 32),
    atCapacity(512, 150),
    atCapacity(1024, 696),
  ],
  /** With generic code. */
  genericServer: [
    atCapacity(8, .10),
    atCapacity(32, 1.1),
    atCapacity(64, 5.4),
    atCapacity(128, 31),
    atCapacity(256, 182),
    atCapacity(512, 654),
    atCapacity(1024, 2109),
  ],
  pi5: [
    { capacity: 2048, difference: 64, ms: 3.1 },
    { capacity: 2048, difference: 128, ms: 9.8 },
    { capacity: 2048, difference: 256, ms: 34 },
    { capacity: 2048, difference: 512, ms: 121 },
    atCapacity(1024, 446),
  ],
} as const satisfies Record<string, readonly Measured[]>;

/** A machine with measured times. */
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
  const measured: readonly Measured[] = MEASURED_DECODES[machine];
  const above = measured.findIndex((point) => point.difference >= d);
  const [low, high] = above < 0
    ? [measured.at(-1)!, measured.at(-1)!]
    : [measured[Math.max(0, above - 1)], measured[above]];
  const share = low === high || d <= low.difference
    ? 0
    : Math.log(d / low.difference) / Math.log(high.difference / low.difference);
  const k = factor(low) + share * (factor(high) - factor(low));
  return k * operations(capacity, d) * (bits / 64) ** 2;
}

function operations(capacity: number, difference: number): number {
  return difference ** 2 + CAPACITY_SHARE * capacity * difference;
}

function factor({ capacity, difference, ms }: Measured): number {
  return ms / operations(capacity, difference);
}
