// A plan of traffic as receipt traces, to be held against the calibration table. Pure.

import type { Trace, Traces } from "../../query_results/reconciliation/calibration/traces.ts";
import type { PlannedMessage, TrafficOptions } from "./traffic.ts";

/** Narrower messages are of no use to the calibration: this share of the peers is below what it takes. */
const LEAST_SHARE = 0.85;

/** The wider messages of `plan`, each peer's first delivery, in seconds. */
export function planTraces(
  plan: Iterable<PlannedMessage>,
  { peers, compression = 1 }: TrafficOptions,
): Traces {
  const messages: Trace[] = [];
  for (const message of plan) {
    if (message.deliveries < LEAST_SHARE * peers) continue;
    const times = new Float64Array(peers).fill(Infinity);
    for (let i = 0; i < message.deliveries; i++) {
      const peer = message.peers[i];
      times[peer] = Math.min(times[peer], message.times[i]);
    }
    const first = times.reduce((a, b) => Math.min(a, b));
    const delays = times.map((time) =>
      time === Infinity ? NaN : (time - first) * compression / 1e6
    );
    messages.push({ type: message.type, delays });
  }
  return { peers, messages };
}
