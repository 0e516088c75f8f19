// How to squeeze a gossip run into seconds of a clock. Pure.

import { REAL_RUN } from "./real_run.ts";
import type { TrafficOptions } from "./traffic.ts";

/** Network seconds in a second, or more where the run would be shorter than {@link LEAST_NETWORK_SECONDS}. */
const COMPRESSION = 30;
/** Delays and timers need this much of the network's time to show their shape. */
const LEAST_NETWORK_SECONDS = 900;
/** What two busy cores take, receipts a second of the clock; beyond it there are fewer messages. */
const MAX_RECEIPTS_PER_SECOND = 12_500;
/** What one core signs beside all else, messages a second of the clock. */
const MAX_MESSAGES_PER_SECOND = 250;
/**
 * The end of a run, in which no message is created but the late deliveries come in: a share, and at most seconds.
 * Before it messages come that much faster, so that the run as a whole has the real one's rate.
 */
const TAIL_SHARE = 0.35;
const MAX_TAIL_SECONDS = 900;

/** Deliveries come minutes after their message: a rate settles in so much of the network's time. */
const SETTLING_NETWORK_SECONDS = 450;

/** A run that fits into seconds of a clock. */
export interface SqueezedRun extends TrafficOptions {
  /** See {@link TrafficOptions.compression}. */
  readonly compression: number;
  /** See {@link TrafficOptions.cutSeconds}. */
  readonly cutSeconds: number;
}

/**
 * The real run's traffic, squeezed until its peers deliver so many receipts a second of the clock: each message through
 * as many peers, as many messages in a burst. It breaks off at full rate.
 *
 * @param options `seconds` of the clock is how long the rate holds, once it has settled.
 */
export function steadyRun(
  options: { peers: number; seconds: number; seed: string | number; receiptsPerSecond: number },
): SqueezedRun {
  const { peers, seconds: held, seed, receiptsPerSecond } = options;
  const natural = REAL_RUN.receipts / REAL_RUN.seconds * peers / REAL_RUN.peers;
  const compression = receiptsPerSecond / natural;
  const seconds = SETTLING_NETWORK_SECONDS + held * compression;
  return { seed, peers, seconds, cutSeconds: seconds, compression };
}

/** The traffic of a run of `peers` peers that takes `seconds` of the clock. */
export function squeezedRun(
  options: { peers: number; seconds: number; seed: string | number },
): SqueezedRun {
  const { peers, seconds, seed } = options;
  const compression = Math.max(COMPRESSION, LEAST_NETWORK_SECONDS / seconds);
  const whole = seconds * compression;
  const created = whole - Math.min(TAIL_SHARE * whole, MAX_TAIL_SECONDS);
  const natural = whole * REAL_RUN.messages / REAL_RUN.seconds;
  const receiptsPerMessage = REAL_RUN.receipts / REAL_RUN.messages * peers / REAL_RUN.peers;
  const most = seconds *
    Math.min(MAX_MESSAGES_PER_SECOND, MAX_RECEIPTS_PER_SECOND / receiptsPerMessage);
  return {
    seed,
    peers,
    seconds: created,
    cutSeconds: whole,
    compression,
    messages: Math.max(1, Math.round(Math.min(natural, most))),
  };
}
