// Acknowledgements in the stream's own order.
//
// nats-server before 2.10 writes down what was removed from a stream only after a while. Killed, it brings such batches
// back, and when that makes more than the stream may hold, it drops the oldest. As long as what is acknowledged is
// always the stream's beginning, those are the ones that it brought back; otherwise it would drop batches that nobody
// has.

import type { JsMsg } from "nats";

/** What is needed of a message of a stream. */
export type StreamMessage = Pick<JsMsg, "seq" | "ack" | "nak" | "working">;

/** A batch that the stream has given out. */
export interface Given {
  readonly message: StreamMessage;
  isDone: boolean;
}

/** What a stream has given out and was not told the end of yet. */
export class OrderedAcks {
  /** By their place in the stream, ascending. */
  #given: Given[] = [];

  get size(): number {
    return this.#given.length;
  }

  take(message: StreamMessage): Given {
    const given: Given = { message, isDone: false };
    const before = this.#given.findLastIndex((other) => other.message.seq <= message.seq);
    this.#given.splice(before + 1, 0, given);
    return given;
  }

  done(given: Given): void {
    given.isDone = true;
    const count = this.#given.findIndex(({ isDone }) => !isDone);
    const done = this.#given.splice(0, count === -1 ? this.#given.length : count);
    for (const { message } of done) message.ack();
  }

  working(): void {
    for (const { message } of this.#given) message.working();
  }

  giveBack(): void {
    for (const { message } of this.#given) message.nak();
    this.forget();
  }

  forget(): void {
    this.#given = [];
  }
}
