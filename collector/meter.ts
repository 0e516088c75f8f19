// The one token bucket of this program: the generic cell rate algorithm (ITU-T I.371), which keeps a single number per
// bucket, the instant at which it is full again.

/** A bucket of a table, see {@link spendToken}: full at first. */
export interface Quota {
  readonly burst: number;
  readonly intervalSeconds: number;
}

/** Where {@link spendToken} refuses. */
export const OVER_QUOTA: number = -1;

/**
 * Takes one token from a bucket that its owner keeps as a number; 0 is a full one.
 * @param fullAt when the bucket is full again; like `now` seconds since the Unix epoch.
 * @returns the new `fullAt`, or {@link OVER_QUOTA} when there is no token.
 */
export function spendToken(quota: Quota, fullAt: number, now: number): number {
  const { burst, intervalSeconds: interval } = quota;
  return left(burst, interval, fullAt - now) < 1 ? OVER_QUOTA : Math.max(fullAt, now) + interval;
}

/** What sums of fractions may be off, in tokens. */
const ROUNDING = 1e-7;

/** A bucket of its own. Instants are µs since the Unix epoch. */
export class Meter {
  readonly #intervalUs: number;
  /** Counted from the first use: small numbers keep the fractions of a µs that a byte takes. */
  #fullAt = 0;
  #origin: number | undefined;

  /** Starts full; `limit` is the most that can go at once, `fillUs` the time to fill from empty. */
  constructor(private readonly limit: number, fillUs: number) {
    this.#intervalUs = fillUs / limit;
  }

  /** Takes `amount`; false, and nothing is taken, when less than that is left. */
  spend(amount: number, now: number): boolean {
    if (amount > this.#left(now) + ROUNDING) return false;
    this.take(amount, now);
    return true;
  }

  /** Takes `amount` even if less is left; the rest is owed. */
  take(amount: number, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, this.#since(now)) + amount * this.#intervalUs;
  }

  /** When anything is left: `now`, or the instant at which one token is. */
  readyAt(now: number): number {
    if (this.#left(now) > 0) return now;
    return now + Math.ceil(this.#fullAt - (this.limit - 1) * this.#intervalUs - this.#since(now));
  }

  #left(now: number): number {
    return left(this.limit, this.#intervalUs, this.#fullAt - this.#since(now));
  }

  #since(now: number): number {
    return now - (this.#origin ??= now);
  }
}

/** How many bytes may go at once, and how many come back. */
export interface ByteRate {
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
}

/** A meter of bytes. */
export function byteMeter({ burstBytes, bytesPerSecond }: ByteRate): Meter {
  return new Meter(burstBytes, burstBytes / bytesPerSecond * 1_000_000);
}

/** Tokens in a bucket that is full in `untilFull`. */
function left(burst: number, interval: number, untilFull: number): number {
  return burst - Math.max(0, untilFull) / interval;
}
