// Finding a difference with PinSketch: how large the sketch is, what happens when it does not do. Nothing is decoded: a
// sketch of capacity c gives D differences if and only if D ≤ c. See `DecodeCheck`.

import * as v from "valibot";
import { integer, oneOf } from "../../../shared/config.ts";
import { Estimate, ESTIMATORS, sketchedTypes, sketchRound } from "../algorithms/estimators.ts";
import type { Difference } from "./difference.ts";
import { type Codec, type Found, idsOfBoth } from "./rounds.ts";
import type { Simulation } from "./simulation.ts";

/** The measured server; see `costs.ts`. */
const MACHINES = ["server"] as const;

/** Options of all protocols with sketches, with the draft BOLT's defaults: a `SketchDesign`. */
export const SKETCH_OPTIONS = {
  bits: v.optional(v.picklist([32, 40, 48, 64], "should be 32, 40, 48 or 64"), 64),
  estimator: v.optional(oneOf(ESTIMATORS), "k+D+c"),
  fixed: v.optional(
    v.tuple([integer(1, 4096), integer(1, 4096), integer(1, 4096)], "should be three capacities"),
    [512, 384, 32],
  ),
  minimum: v.optional(integer(1, 4096), 8),
  capacity: v.optional(integer(1, 4096), 1024),
  retry_factor: v.optional(integer(1, 16), 3),
  per_type: v.optional(v.boolean("should be true or false"), true),
};

/** Parsed {@link SKETCH_OPTIONS}. */
export type SketchOptions = v.InferOutput<v.StrictObjectSchema<typeof SKETCH_OPTIONS, undefined>>;

/** See the module. */
export class SketchCodec implements Codec {
  /** Per edge and sketch. */
  readonly #estimates = new Map<number, Estimate>();

  constructor(private readonly options: SketchOptions) {}

  find(simulation: Simulation, edge: number, difference: Difference, isBad: boolean): Found {
    const design = this.options;
    const found = { sketchBytes: 0, fallbackBytes: 0, failed: false, ways: 1, cpuMs: 0 };
    const groups = sketchedTypes(design);
    groups.forEach((types, group) => {
      const sum = (of: Int32Array) => types.reduce((total, type) => total + of[type], 0);
      const key = edge * groups.length + group;
      const estimate = this.#estimates.get(key) ?? new Estimate(design.minimum);
      this.#estimates.set(key, estimate);
      const sets = {
        types,
        here: sum(difference.newHere),
        there: sum(difference.newThere),
        gap: sum(difference.sizeGap),
        difference: sum(difference.size),
      };
      const round = sketchRound(design, estimate, sets, MACHINES, isBad);
      found.sketchBytes += round.bytes;
      found.cpuMs += round.machineMs[0];
      for (const capacity of isBad ? [] : round.tried) {
        simulation.check?.decode(design.bits, capacity, simulation, difference, types);
      }
      let ways = 2 * round.tried.length - 1;
      if (!round.isDone) {
        found.fallbackBytes += idsOfBoth(difference);
        ways += 2;
      }
      if (ways > 1) found.failed = true;
      found.ways = Math.max(found.ways, ways);
    });
    return found;
  }
}
