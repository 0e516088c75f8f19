// Fits the delay model to receipt traces. Pure.

import type { DelayModel } from "./delay_model.ts";
import type { Knot } from "./quantiles.ts";
import { mean, quantile } from "./statistics.ts";
import { present, type Trace } from "./traces.ts";

/** Shares at which distributions are kept: closer together where they bend. */
const SHARES = [
  ...[0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4],
  ...[0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 1],
];
/** Interpolation would spread the outermost receipts over the whole last stretch. */
const LAST_SHARE = 0.9995;
/** A peer needs this share of the messages to show its pace. */
const LEAST_COVERAGE = 0.25;
/** The quantile of a peer's distances from its median that stands for its width: steadier than their mean. */
const WIDTH_SHARE = 0.6;
/**
 * Widths seen in few receipts differ more than the true ones, so that drawing from them overstates the scatter. Chosen
 * so that the share of variance that neither peer nor message explains comes out as in the traces.
 */
const WIDTH_CORRECTION = 0.93;

/** The model of wide messages of both types, as `wideSets` gives them. */
export function fitDelays(traces: readonly Trace[]): DelayModel {
  const medians = traces.map(({ delays }) => quantile(present(delays), 0.5));
  const paces = [...traces[0].delays.keys()].map((peer) =>
    present(Float64Array.from(traces, ({ delays }, m) => delays[peer] / medians[m]))
  );
  const known = paces.filter((pace) => pace.length >= LEAST_COVERAGE * traces.length);
  const slowness = known.map((pace) => quantile(pace, 0.5));
  const widths = known.map((pace, i) =>
    quantile(pace.map((x) => Math.abs(x - slowness[i])).sort(), WIDTH_SHARE)
  );
  const [constant, perSlowness] = line(slowness, widths);
  const speed = (type: number) => {
    const logs = Float64Array.from(medians.filter((_, i) => traces[i].type === type), Math.log);
    const spread = Math.sqrt(mean(logs.map((log) => (log - mean(logs)) ** 2)));
    return { median: rounded(Math.exp(quantile(logs.sort(), 0.5))), spread: rounded(spread) };
  };
  return {
    speeds: { 257: speed(257), 258: speed(258) },
    slowness: knots(slowness),
    jitter: [rounded(constant), rounded(perSlowness)],
    unsteadiness: knots(widths.map((w, i) => w / (constant + perSlowness * slowness[i]))),
    rest: knots(
      known.flatMap((pace, i) =>
        [...pace].map((x) => WIDTH_CORRECTION * (x - slowness[i]) / widths[i])
      ),
    ),
    coverage: knots(paces.map((pace) => pace.length / traces.length)),
  };
}

function knots(values: readonly number[]): Knot[] {
  const sorted = Float64Array.from(values).sort();
  return SHARES.map((share) => [share, rounded(quantile(sorted, Math.min(share, LAST_SHARE)))]);
}

/** The least-squares line: y = constant + slope · x. */
function line(xs: readonly number[], ys: readonly number[]): [constant: number, slope: number] {
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const slope = mean(xs.map((x, i) => (x - meanX) * (ys[i] - meanY))) /
    mean(xs.map((x) => (x - meanX) ** 2));
  return [meanY - slope * meanX, slope];
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
