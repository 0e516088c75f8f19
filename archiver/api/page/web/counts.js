// Receipts per second, by collector and type, as the feed brings them.

const SECONDS = 300;
const US = 1e6;
/** Means are over this many whole seconds. */
const MEAN_SECONDS = 10;
export const TYPES = ["other", "channel_announcement", "node_announcement", "channel_update"];
export const ALL = [0, 1, 2, 3];

export const sum = (list) => list.reduce((total, value) => total + value, 0);
/** Puts vps2 before vps10. */
export const byName = new Intl.Collator("en", { numeric: true }).compare;

export class Counts {
  /** By collector and type: counts by second. */
  #counts = new Map();
  /** The first second that an archiver counted from its start on. */
  #since = Infinity;
  /** The last second that all of its receipts should have come of: batches take a moment. */
  last = 0;

  get names() {
    return [...this.#counts.keys()].sort(byName);
  }

  note({ at, started_at: startedAt, last_receipt_at: received, rates: { from, counts } }) {
    this.#since = Math.min(this.#since, Math.max(from, Math.ceil(startedAt / US)));
    this.last = Math.floor(
      Math.min(at / US - 1, Math.max((received ?? 0) / US - 1, at / US - MEAN_SECONDS)),
    );
    for (const [name, types] of Object.entries(counts)) {
      if (!this.#counts.has(name)) this.#counts.set(name, TYPES.map(() => new Map()));
      types.forEach((values, type) => {
        const seconds = this.#counts.get(name)[type];
        // An archiver that was started again no longer knows what came before.
        values.forEach((count, i) =>
          seconds.set(from + i, Math.max(count, seconds.get(from + i) ?? 0))
        );
        for (const second of seconds.keys()) {
          if (second > at / US - SECONDS) break;
          seconds.delete(second);
        }
      });
    }
  }

  /** Receipts of some types in one second. */
  at(second, names, types = ALL) {
    return sum(
      names.flatMap((name) => types.map((type) => this.#counts.get(name)?.[type].get(second) ?? 0)),
    );
  }

  /** Receipts per second of late. */
  mean(names, types = ALL) {
    const seconds = Array.from({ length: MEAN_SECONDS }, (_, i) => this.last - i);
    return sum(seconds.map((second) => this.at(second, names, types))) / MEAN_SECONDS;
  }

  /** Lines over the last minutes, for each of `parts` (`{names, types}`); null where nothing was counted. */
  lines(parts) {
    const { names, last } = this;
    const seconds = Array.from({ length: SECONDS - 5 }, (_, i) => last - SECONDS + 6 + i);
    const isKnown = seconds.map((second) => second >= this.#since || this.at(second, names) > 0);
    const lines = parts.map(({ names, types }) =>
      seconds.map((second, i) => isKnown[i] ? this.at(second, names, types) : null)
    );
    return { seconds, lines };
  }

  /** The newest second in which a collector's receipts came; undefined: none of late. */
  newest(name) {
    return Array.from({ length: SECONDS }, (_, i) => this.last + 2 - i)
      .find((second) => this.at(second, [name]) > 0);
  }
}
