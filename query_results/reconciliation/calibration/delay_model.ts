/**
 * Delays as between real peers. Peers are slow or fast and keep so, messages are slow or fast, and a peer scatters around
 * its own pace the more the slower it is:
 *
 *   delay(m, p) = s_m · (a_p + w_p · e), w_p = (j₀ + j₁ · a_p) · u_p
 *
 * with e drawn anew for each receipt. Delays count from a message's first receipt at any of the run's peers.
 *
 * @module
 */
import type { Random } from "../../../shared/random.ts";
import fitted from "./delay_model.json" with { type: "json" };
import { interpolate, type Knot, lookUp, quantileTable } from "./quantiles.ts";
import type { Traces } from "./traces.ts";

/** Constants of the model, as `deno task lab calibrate --fit` prints them. */
export interface DelayModel {
  /** By message type: median of s_m in seconds, and the standard deviation of its logarithm. */
  readonly speeds: Readonly<Record<"257" | "258", { median: number; spread: number }>>;
  /** Distribution of a_p over the peers: 1 is about the pace of the median receipt. */
  readonly slowness: readonly Knot[];
  /** j₀ and j₁. */
  readonly jitter: readonly number[];
  /** Distribution of u_p over the peers: below 1 is steadier than others of that slowness. */
  readonly unsteadiness: readonly Knot[];
  /** Distribution of e. */
  readonly rest: readonly Knot[];
  /** Distribution over the peers of the share of wide messages that a peer delivers. */
  readonly coverage: readonly Knot[];
}

/** Fitted on the 44 wide messages of the receipt traces of 2025-09-26. */
export const FITTED_DELAYS: DelayModel = fitted as unknown as DelayModel;

/** Draws s_m of a message: seconds. `type` is 257 or 258. */
export function messageSpeed(type: 257 | 258, random: Random, model = FITTED_DELAYS): number {
  const { median, spread } = model.speeds[type];
  return median * Math.exp(spread * roughlyNormal(random));
}

/** Steps of {@link deal}: independent of each other over the rationals. */
const STEPS = {
  slowness: (Math.sqrt(5) - 1) / 2,
  unsteadiness: Math.SQRT2 - 1,
  coverage: Math.sqrt(3) - 1,
};

/** Peers that keep their pace. */
export class PeerDelays {
  readonly #slowness: Float64Array;
  readonly #widths: Float64Array;
  readonly #rest: Float64Array;

  /** Deals slowness and unsteadiness to `peers` peers: the model's distributions whatever their number; see {@link deal}. */
  constructor(peers: number, random: Random, model: DelayModel = FITTED_DELAYS) {
    this.#slowness = deal(peers, random, STEPS.slowness, model.slowness);
    const [constant, perSlowness] = model.jitter;
    const unsteadiness = deal(peers, random, STEPS.unsteadiness, model.unsteadiness);
    this.#widths = this.#slowness.map((slowness, peer) =>
      (constant + perSlowness * slowness) * unsteadiness[peer]
    );
    this.#rest = quantileTable(model.rest);
  }

  /** Seconds until `peer` delivers a message of `speed` (s_m). */
  delay(peer: number, speed: number, random: Random): number {
    const pace = this.#slowness[peer] + this.#widths[peer] * lookUp(this.#rest, random.next());
    return Math.max(0, speed * pace);
  }
}

/** Wide messages as the model makes them, `updates` and `nodes` of the two types. */
export function generatedTraces(
  size: { peers: number; updates: number; nodes: number },
  random: Random,
  model: DelayModel = FITTED_DELAYS,
): Traces {
  const { peers, updates, nodes } = size;
  const delays = new PeerDelays(peers, random, model);
  const coverage = deal(peers, random, STEPS.coverage, model.coverage);
  const messages = Array.from({ length: updates + nodes }, (_, i) => {
    const type = i < updates ? 258 : 257;
    const speed = messageSpeed(type, random, model);
    const raw = coverage.map((share, peer) =>
      random.next() < share ? delays.delay(peer, speed, random) : NaN
    );
    const first = raw.reduce((least, delay) => delay < least ? delay : least, Infinity);
    return { type, delays: raw.map((delay) => delay === first ? 0 : delay) };
  });
  return { peers, messages };
}

/**
 * One value per peer, so that any run of neighbours has nearly the whole distribution: an additive recurrence (Weyl) with
 * a step that fractions approximate badly. Small networks are like large ones then, and those that stay like those that leave.
 */
function deal(peers: number, random: Random, step: number, knots: readonly Knot[]): Float64Array {
  const start = random.next();
  return Float64Array.from({ length: peers }, (_, i) => interpolate(knots, (start + i * step) % 1));
}

/** About normal, mean 0, deviation 1: the sum of three uniform numbers. */
function roughlyNormal(random: Random): number {
  return 2 * (random.next() + random.next() + random.next() - 1.5);
}
