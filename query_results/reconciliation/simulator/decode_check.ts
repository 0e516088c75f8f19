// Decodes a seeded sample of rounds for real, to hold the shortcut D ≤ c against PinSketch.

import type { Random } from "../../../shared/random.ts";
import type { FieldBits } from "../algorithms/field_wat.ts";
import { Sketch } from "../algorithms/sketch.ts";
import type { Difference } from "./difference.ts";
import type { Simulation } from "./simulation.ts";

/** Ids that both ends have are added too, to see that they cancel out. */
const COMMON = 16;

/** See the module. It has a generator of its own, so that checking changes no result. */
export class DecodeCheck {
  checked = 0;
  /** Those that gave exactly the difference when D ≤ c, and nothing otherwise. */
  agreed = 0;

  /** Decodes `share` of all sketches, `most` at most. */
  constructor(
    private readonly random: Random,
    private readonly share: number,
    private readonly most: number,
  ) {}

  decode(
    bits: FieldBits,
    capacity: number,
    { traffic }: Simulation,
    { here, there, size }: Difference,
    types: readonly number[],
  ): void {
    if (this.checked >= this.most || this.random.next() >= this.share) return;
    const ids = ({ ids, count }: { ids: Int32Array; count: number }) =>
      Array.from(ids.subarray(0, count)).filter((id) => types.includes(traffic.type[id]));
    const ours = ids(here), theirs = ids(there);
    // Made-up and refused ids stand in no log.
    const listed = types.reduce((sum, type) => sum + size[type], 0) - ours.length - theirs.length;
    for (let i = 0; i < listed; i++) ours.push(traffic.count + i);
    const common = Array.from({ length: COMMON }, (_, i) => -1 - i);
    const sketch = (of: readonly number[]) => {
      const made = new Sketch(bits, capacity);
      made.addAll(BigUint64Array.from([...of, ...common], (id) => elementOf(id, bits)));
      return made;
    };
    const expected = new Set([...ours, ...theirs].map((id) => elementOf(id, bits)));
    const decoded = sketch(ours).merge(sketch(theirs)).decode();
    const agrees = expected.size > capacity
      ? decoded.ids === undefined
      : decoded.ids?.length === expected.size && decoded.ids.every((id) => expected.has(id));
    this.checked++;
    if (agrees) this.agreed++;
  }
}

/** A message's element: its number times an odd number, so that none is zero and none is twice. */
function elementOf(message: number, bits: FieldBits): bigint {
  return BigInt.asUintN(bits, BigInt(message + COMMON + 1) * 0x9e3779b97f4a7c15n);
}
