import { type Random, randomInteger } from "../../shared/random.ts";

/** Guesses before all items are looked at. */
const GUESSES = 16;

/** Items and when they are due, µs since the Unix epoch. Choosing is mostly a guess, at worst a look at each item. */
export class DuePool<T> {
  readonly #items: T[] = [];
  readonly #due: number[] = [];
  readonly #at = new Map<T, number>();

  get size(): number {
    return this.#items.length;
  }

  /** Infinity takes it out. */
  set(item: T, due: number): void {
    if (due === Infinity) return this.delete(item);
    const at = this.#at.get(item) ?? this.#items.length;
    this.#items[at] = item;
    this.#due[at] = due;
    this.#at.set(item, at);
  }

  delete(item: T): void {
    const at = this.#at.get(item);
    if (at === undefined) return;
    this.#at.delete(item);
    const last = this.#items.pop()!;
    const due = this.#due.pop()!;
    // The last one moves into the gap.
    if (at < this.#items.length) {
      this.#items[at] = last;
      this.#due[at] = due;
      this.#at.set(last, at);
    }
  }

  /** One of those due, each as likely as any other; it stays in. */
  choose(now: number, random: Random): T | undefined {
    const count = this.#items.length;
    for (let guess = 0; guess < GUESSES && count > 0; guess++) {
      const at = randomInteger(random, count);
      if (this.#due[at] <= now) return this.#items[at];
    }
    const due: number[] = [];
    for (let at = 0; at < count; at++) if (this.#due[at] <= now) due.push(at);
    return due.length > 0 ? this.#items[due[randomInteger(random, due.length)]] : undefined;
  }

  /** Infinity when there is none. */
  soonest(): number {
    let soonest = Infinity;
    for (const due of this.#due) if (due < soonest) soonest = due;
    return soonest;
  }
}
