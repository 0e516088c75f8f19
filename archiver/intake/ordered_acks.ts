// Acknowledgements in the stream's own order.
//
// nats-server before 2.10 persists removals from a stream only after a while. Killed, it restores such batches, and drops
// the oldest when the stream is then over its limit. While acknowledgements always cover the stream's beginning, the
// oldest are the restored ones; otherwise it would drop batches that the archive lacks.

import type { JsMsg } from "nats";

export type StreamMessage = Pick<JsMsg, "seq" | "ack" | "nak" | "working">;

/** A batch that the stream delivered. */
export interface Given {
  readonly message: StreamMessage;
  isDone: boolean;
}

/** Batches that a stream delivered and that are not acknowledged yet. */
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
