/**
 * Finding a difference with PinSketch: how large the sketch is, what happens when it does not do. Nothing is decoded: a
 * sketch of capacity c gives D differences if and only if D ≤ c. See {@link DecodeCheck}.
 *
 * @module
 */
import { HEADER_BYTES, wireBytes } from "../algorithms/wire.ts";
import * as v from "valibot";
import { integer, oneOf } from "../../../shared/config.ts";
import { addMs, decodeMs } from "../algorithms/costs.ts";
import { Estimate, ESTIMATORS, sketchSizes } from "../algorithms/estimators.ts";
import type { Difference } from "./difference.ts";
import { allIdsBytes, type Codec, type Found } from "./rounds.ts";
import type { Simulation } from "./simulation.ts";
import { MESSAGE_TYPES } from "./traffic.ts";

/** The measured server; see `costs.ts`. */
const MACHINE = "server";

/** Options of all protocols with sketches, with the draft BOLT's defaults. */
export const SKETCH_OPTIONS = {
  bits: v.optional(v.picklist([32, 40, 48, 64], "should be 32, 40, 48 or 64"), 64),
  estimator: v.optional(oneOf(ESTIMATORS), "k+D+c"),
  /** Capacities of `fixed`, by type. */
  fixed: v.optional(
    v.tuple([integer(1, 4096), integer(1, 4096), integer(1, 4096)], "should be three capacities"),
    [512, 384, 32],
  ),
  /** The c of `k+D+c`, and the least capacity of all estimators. */
  minimum: v.optional(integer(1, 4096), 8),
  /** The largest sketch. */
  capacity: v.optional(integer(1, 4096), 1024),
  /** A failed sketch grows by this, once; then the largest is sent. 1: ids follow at once. */
  retry_factor: v.optional(integer(1, 16), 3),
  per_type: v.optional(v.boolean("should be true or false"), true),
};

/** Parsed {@link SKETCH_OPTIONS}. */
export type SketchOptions = v.InferOutput<v.StrictObjectSchema<typeof SKETCH_OPTIONS, undefined>>;

/** See the module. */
export class SketchCodec implements Codec {
  readonly #options: SketchOptions;
  /** Per edge and sketch. */
  readonly #estimates = new Map<number, Estimate>();

  /** Remembers nothing yet. */
  constructor(options: SketchOptions) {
    this.#options = options;
  }

  /** See {@link Codec.find}. */
  find(simulation: Simulation, edge: number, difference: Difference, isBad: boolean): Found {
    const { bits, estimator, fixed, minimum, capacity: most, retry_factor, per_type } =
      this.#options;
    const found = { sketchBytes: 0, fallbackBytes: 0, failed: false, ways: 1, cpuMs: 0 };
    const groups = per_type
      ? MESSAGE_TYPES.map((_, type) => [type])
      : [MESSAGE_TYPES.map((_, i) => i)];
    groups.forEach((types, group) => {
      const sum = (of: Int32Array) => types.reduce((total, type) => total + of[type], 0);
      const size = sum(difference.size);
      const [here, there] = [sum(difference.newHere), sum(difference.newThere)];
      const key = edge * groups.length + group;
      const gap = sum(difference.sizeGap), smaller = Math.min(here, there);
      const estimate = this.#estimates.get(key) ?? new Estimate(minimum);
      this.#estimates.set(key, estimate);
      const first = estimate.capacity(estimator, {
        gap,
        smaller,
        minimum,
        most,
        fixed: types.reduce((total, type) => total + fixed[type], 0),
      });
      let sent = 0, ways = 1, done = false;
      for (const capacity of sketchSizes(first, retry_factor, most)) {
        if (done) break;
        if (sent > 0) ways += 2;
        // A smaller sketch is a prefix: only the rest is sent.
        found.sketchBytes += wireBytes(HEADER_BYTES + Math.ceil(bits * (capacity - sent) / 8));
        found.cpuMs += addMs(MACHINE, capacity - sent, here + there) +
          decodeMs(MACHINE, bits, capacity, size);
        sent = capacity;
        done = !isBad && size <= capacity;
        if (!isBad) {
          simulation.check?.decode(bits, capacity, simulation, difference, types);
        }
      }
      if (!done) {
        found.fallbackBytes += allIdsBytes(difference);
        ways += 2;
      }
      if (ways > 1) found.failed = true;
      found.ways = Math.max(found.ways, ways);
      estimate.learn(size, gap, smaller);
    });
    return found;
  }
}
