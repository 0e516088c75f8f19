/**
 * How often the graph takes a newer version of one thing. A token bucket that needs one number a thing: the time at
 * which it is full again (the generic cell rate algorithm, ITU-T I.371).
 *
 * @module
 */

/** A bucket that is full at first. */
export interface Quota {
  /** Versions that may come at once. */
  readonly burst: number;
  /** Seconds after which another one may come. */
  readonly intervalSeconds: number;
}

/** Where {@link withinQuota} refuses. */
export const OVER_QUOTA: number = -1;

/**
 * Takes a token.
 *
 * @param fullAt when the bucket is full again, seconds since the Unix epoch; 0 at first.
 * @returns the new `fullAt`, or {@link OVER_QUOTA} when there is no token.
 */
export function withinQuota(quota: Quota, fullAt: number, now: number): number {
  const since = Math.max(fullAt, now);
  if (since - now > (quota.burst - 1) * quota.intervalSeconds) return OVER_QUOTA;
  return since + quota.intervalSeconds;
}
