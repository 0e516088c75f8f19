// Local times without an offset, as LND writes them.

/** Offsets only change at whole quarters of an hour. */
const QUARTER_US = 900_000_000;
const DAY_US = 86_400_000_000;
/** Lines of one log may be out of order by a little. */
const ORDER_TOLERANCE_US = 2_000_000;

/** What a local time is in UTC, µs. */
export interface Located {
  readonly at: number;
  /** It comes twice: the clock was set back. What a time before it in the same log says decides, which may be wrong. */
  readonly isDoubtful: boolean;
}

/** Local times of one log, in its order. */
export class LocalTime {
  readonly #format: Intl.DateTimeFormat;
  #quarter = NaN;
  /** Of this quarter: the larger offset first, so that the earlier instant is tried first. */
  #offsets: readonly number[] = [];
  #last = -Infinity;

  /** @param zone an IANA name, e.g. `Europe/Berlin`. @throws {RangeError} when there is no such zone. */
  constructor(zone: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /** @param wall the local time read as UTC, µs. */
  locate(wall: number): Located {
    const quarter = Math.floor(wall / QUARTER_US);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#offsets = this.#offsetsOf(quarter * QUARTER_US);
    }
    const instants = this.#offsets.map((offset) => wall - offset);
    const at = instants.find((each) => each >= this.#last - ORDER_TOLERANCE_US) ?? instants.at(-1)!;
    this.#last = Math.max(this.#last, at);
    return { at, isDoubtful: instants.length > 1 };
  }

  #offsetsOf(wall: number): number[] {
    const around = [this.#offsetAt(wall - DAY_US), this.#offsetAt(wall + DAY_US)];
    const fitting = around.filter((offset) => this.#offsetAt(wall - offset) === offset);
    // In the hour that is left out in spring a clock shows nothing; a log that does was not set.
    const offsets = fitting.length > 0 ? fitting : [around[0]];
    return [...new Set(offsets)].sort((a, b) => b - a);
  }

  #offsetAt(at: number): number {
    const part: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of this.#format.formatToParts(at / 1000)) part[type] = Number(value);
    const { year, month, day, hour, minute, second } = part;
    const local = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!) * 1000;
    return local - Math.floor(at / 1e6) * 1e6;
  }
}
