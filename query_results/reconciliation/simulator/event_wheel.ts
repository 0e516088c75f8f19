/**
 * A timing wheel of one slot per millisecond. Events due in the same millisecond leave in the order in which they
 * came, so that a run is a function of its seed.
 *
 * @module
 */

/** Slots: more than the longest timer of an implementation (90 s). Later events go round again. */
const SLOTS = 1 << 17;

/** Events as four integers each; the one that {@link EventWheel.next} took is in the fields. */
export class EventWheel {
  /** The time, in milliseconds since the start. */
  now = 0;
  /** The current event's kind. */
  kind = 0;
  /** Its three arguments. */
  a = 0;
  /** See {@link EventWheel.a}. */
  b = 0;
  /** See {@link EventWheel.a}. */
  c = 0;

  /** The last event of each slot, whose successor is the first; -1 where there is none. */
  readonly #last = new Int32Array(SLOTS).fill(-1);
  #following = new Int32Array(1024);
  #due = new Int32Array(1024);
  #kind = new Uint8Array(1024);
  #arguments = new Int32Array(3 * 1024);
  #free = -1;
  #used = 0;

  /** Adds an event `delayMs` from now; at least 0. */
  push(delayMs: number, kind: number, a: number, b: number, c: number): void {
    let event = this.#free;
    if (event >= 0) this.#free = this.#following[event];
    else {
      if (this.#used === this.#due.length) this.#grow();
      event = this.#used++;
    }
    this.#due[event] = this.now + delayMs;
    this.#kind[event] = kind;
    this.#arguments[3 * event] = a;
    this.#arguments[3 * event + 1] = b;
    this.#arguments[3 * event + 2] = c;
    this.#append(event);
  }

  /** Takes the next event into the fields; false when none is due before `endMs`. */
  next(endMs: number): boolean {
    const last = this.#last;
    while (this.now < endMs) {
      const slot = this.now & (SLOTS - 1);
      const tail = last[slot];
      if (tail < 0) {
        this.now++;
        continue;
      }
      const event = this.#following[tail];
      if (event === tail) last[slot] = -1;
      else this.#following[tail] = this.#following[event];
      if (this.#due[event] === this.now) {
        this.kind = this.#kind[event];
        this.a = this.#arguments[3 * event];
        this.b = this.#arguments[3 * event + 1];
        this.c = this.#arguments[3 * event + 2];
        this.#following[event] = this.#free;
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

  /** Events of this slot that are due a round or more from now. */
  readonly #later: number[] = [];

  #append(event: number): void {
    const slot = this.#due[event] & (SLOTS - 1);
    const tail = this.#last[slot];
    if (tail < 0) this.#following[event] = event;
    else {
      this.#following[event] = this.#following[tail];
      this.#following[tail] = event;
    }
    this.#last[slot] = event;
  }

  #grow(): void {
    const size = 2 * this.#due.length;
    const copy = <T extends Int32Array | Uint8Array>(to: T, from: T) => (to.set(from), to);
    this.#following = copy(new Int32Array(size), this.#following);
    this.#due = copy(new Int32Array(size), this.#due);
    this.#kind = copy(new Uint8Array(size), this.#kind);
    this.#arguments = copy(new Int32Array(3 * size), this.#arguments);
  }
}
