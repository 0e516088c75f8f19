// A timing wheel of one slot per millisecond. Events due in the same millisecond leave in the order in which they
// came, so that a run is a function of its seed.

import { grown } from "./id_pool.ts";

/** Slots: 17 minutes, more than nearly all delays. Later events go round again. */
const SLOTS = 1 << 20;
/** An event's place in {@link EventWheel.#events}: half a cache line of the next in its slot, when due, and four integers. */
const STRIDE = 8;
const FOLLOWING = 0;
const DUE = 1;
const KIND = 2;
const A = 3;
const B = 4;
const C = 5;

/** Events of a kind and three integers. */
export class EventWheel {
  /** The time, in milliseconds since the start. */
  now = 0;
  /** The current event. */
  kind = 0;
  a = 0;
  b = 0;
  c = 0;

  /** The last event of each slot, whose successor is the first; -1 where there is none. */
  readonly #last = new Int32Array(SLOTS).fill(-1);
  #events = new Int32Array(1024 * STRIDE);
  #free = -1;
  #used = 0;
  /** Events of the current slot that are due a round or more from now. */
  readonly #later: number[] = [];

  /** Adds an event `delayMs` from now; at least 0. */
  push(delayMs: number, kind: number, a: number, b: number, c: number): void {
    let event = this.#free;
    if (event >= 0) this.#free = this.#events[event + FOLLOWING];
    else {
      event = this.#used;
      this.#used += STRIDE;
      if (this.#used > this.#events.length) this.#events = grown(this.#events, 0);
    }
    const events = this.#events;
    events[event + DUE] = this.now + delayMs;
    events[event + KIND] = kind;
    events[event + A] = a;
    events[event + B] = b;
    events[event + C] = c;
    this.#append(event);
  }

  /** Takes the next event into the fields; false when none is due before `endMs`. */
  next(endMs: number): boolean {
    const last = this.#last, events = this.#events;
    while (this.now < endMs) {
      const slot = this.now & (SLOTS - 1);
      const tail = last[slot];
      if (tail < 0) {
        this.now++;
        continue;
      }
      const event = events[tail + FOLLOWING];
      if (event === tail) last[slot] = -1;
      else events[tail + FOLLOWING] = events[event + FOLLOWING];
      if (events[event + DUE] === this.now) {
        this.kind = events[event + KIND];
        this.a = events[event + A];
        this.b = events[event + B];
        this.c = events[event + C];
        events[event + FOLLOWING] = this.#free;
        this.#free = event;
        return true;
      }
      this.#later.push(event);
      if (last[slot] < 0) {
        for (const other of this.#later) this.#append(other);
        this.#later.length = 0;
        this.now++;
      }
    }
    return false;
  }

  #append(event: number): void {
    const events = this.#events;
    const slot = events[event + DUE] & (SLOTS - 1);
    const tail = this.#last[slot];
    if (tail < 0) events[event + FOLLOWING] = event;
    else {
      events[event + FOLLOWING] = events[tail + FOLLOWING];
      events[tail + FOLLOWING] = event;
    }
    this.#last[slot] = event;
  }
}
