// How far another clock is from ours, from requests and replies.

/** Asked and received by our clock, answered by the other; µs since the Unix epoch. */
export interface Exchange {
  readonly asked: number;
  readonly answered: number;
  readonly received: number;
}

/** How far the other clock is ahead of ours, µs. */
export interface Offset {
  /** Add to our time to get the other's. */
  readonly offset: number;
  /** The true offset is within ± this. */
  readonly uncertainty: number;
}

/**
 * The offset of the exchange with the shortest round trip, as in NTP (RFC 5905, section 8): the other clock answered
 * within it, so half of it is the uncertainty. Null without exchanges.
 */
export function bestOffset(exchanges: readonly Exchange[]): Offset | null {
  let best: Offset | null = null;
  for (const { asked, answered, received } of exchanges) {
    const uncertainty = Math.ceil((received - asked) / 2);
    if (best !== null && uncertainty >= best.uncertainty) continue;
    best = { offset: answered - asked - Math.floor((received - asked) / 2), uncertainty };
  }
  return best;
}
