/**
 * When a graph that is being filled holds about all there is: new channels come for ever, so what counts is that hardly
 * any come any more.
 *
 * @module
 */

/** Growth in one pause that is no more than news: mainnet's graph of 200,000 messages has about 30 in a minute. */
const NEWS_SHARE = 0.001;

/** Watches a graph grow. Instants are µs since the Unix epoch. */
export class Settling {
  readonly #pauseMicroseconds: number;
  #size = 0;
  #since = Infinity;

  /** Has seen nothing. @param pauseMilliseconds how long hardly anything may come before it is settled. */
  constructor(pauseMilliseconds: number) {
    this.#pauseMicroseconds = pauseMilliseconds * 1000;
  }

  /**
   * Takes a look.
   *
   * @param size what the graph holds.
   * @param isBusy whether there is more on its way into it.
   * @returns whether it has settled; an empty graph never has.
   */
  look(size: number, isBusy: boolean, now: number): boolean {
    if (isBusy || size > this.#size * (1 + NEWS_SHARE)) {
      this.#size = size;
      this.#since = now;
    }
    return size > 0 && now - this.#since >= this.#pauseMicroseconds;
  }
}
