// The messages of a run as bytes, made ahead of their time where there is time: signing is half of what a simulated
// network costs.

import type { Clock } from "../../shared/clock.ts";
import type { MessageFactory } from "./messages.ts";
import type { PlannedMessage } from "./traffic.ts";

/** How many messages are made before they are wanted: about 3 MB. */
const MAX_AHEAD = 10_000;
/** How long it works at a stretch, before the sockets have their turn. */
const STRETCH_MICROS = 5000;
const FULL_PAUSE_MILLISECONDS = 50;

/** Makes each message once, in the plan's order, and holds it until its last delivery. */
export class MessageSource {
  readonly #plan: Iterator<PlannedMessage>;
  readonly #onMade: (number: number, raw: Uint8Array) => void;
  readonly #raws = new Map<number, { readonly raw: Uint8Array; left: number }>();
  #made = 0;
  #wanted = 0;
  #isComplete = false;

  /** Nothing is made yet. @param plan the run's, for this source alone. @param onMade told once a message, in order. */
  constructor(
    plan: Iterable<PlannedMessage>,
    private readonly factory: MessageFactory,
    onMade: (number: number, raw: Uint8Array) => void,
  ) {
    this.#plan = plan[Symbol.iterator]();
    this.#onMade = onMade;
  }

  /** How many messages exist so far. */
  get made(): number {
    return this.#made;
  }

  /** Makes messages in the background until all are made. @throws the signal's reason. */
  async makeAhead(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!this.#isComplete) {
      if (this.#made - this.#wanted >= MAX_AHEAD) {
        await clock.sleep(FULL_PAUSE_MILLISECONDS, signal);
        continue;
      }
      const end = clock.now() + STRETCH_MICROS;
      while (!this.#isComplete && clock.now() < end) this.#makeNext();
      await clock.sleep(0, signal);
    }
  }

  /** From now on message `number` is wanted: makes what of it and before it is not made yet. */
  want(number: number): void {
    this.#wanted = number + 1;
    while (this.#made < this.#wanted && !this.#isComplete) this.#makeNext();
  }

  /** The bytes of a message for one of its deliveries. */
  take(number: number): Uint8Array {
    const entry = this.#raws.get(number)!;
    if (--entry.left === 0) this.#raws.delete(number);
    return entry.raw;
  }

  #makeNext(): void {
    const { value, done } = this.#plan.next();
    if (done) {
      this.#isComplete = true;
      return;
    }
    const raw = this.factory.make(value);
    this.#onMade(value.number, raw);
    if (value.deliveries > 0) this.#raws.set(value.number, { raw, left: value.deliveries });
    this.#made++;
  }
}
