/**
 * How far another clock is from ours, from questions and answers.
 *
 * @module
 */

/** One question of what time it is, and its answer. All µs since the Unix epoch. */
export interface Exchange {
  /** When it was asked, by our clock. */
  readonly asked: number;
  /** The other clock's time as it answered. */
  readonly answered: number;
  /** When the answer came, by our clock. */
  readonly received: number;
}

/** How far the other clock is ahead of ours, in µs. */
export interface Offset {
  /** What to add to our time to get the other's; negative when that is behind. */
  readonly offset: number;
  /** The true offset differs from it by no more. */
  readonly uncertainty: number;
}

/**
 * The offset that the exchange with the shortest round trip tells, as in NTP (RFC 5905, section 8): the other clock
 * answered at some moment of the round trip, so half of that is the uncertainty.
 *
 * @returns null when there are no exchanges.
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
